#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace webhook {

/// A way of a container runtime to run pods, as a RuntimeClass names it.
struct RuntimeHandler {
  std::string name;  ///< Empty: the one of pods without a RuntimeClass.
  bool has_user_namespaces = false;

  friend bool operator==(const RuntimeHandler&, const RuntimeHandler&) = default;
};

/// What a container runtime tells a kubelet of itself.
struct ContainerRuntime {
  std::string name;     ///< Such as "containerd" or "cri-o".
  std::string version;  ///< Such as "v2.0.4" or "1.33.1".
  /// None from runtimes that were made before CRI could ask: containerd 1.7, CRI-O 1.30.
  std::vector<RuntimeHandler> handlers;
};

/// Reads a VersionResponse into `runtime`. Source of the numbers: k8s.io/cri-api,
/// runtime/v1/api.proto. Error: what is no protobuf message.
[[nodiscard]] Result<ContainerRuntime> read_version_response(std::string_view message);

/// Reads the handlers of a StatusResponse. Error: what is no protobuf message.
[[nodiscard]] Result<std::vector<RuntimeHandler>> read_status_response(std::string_view message);

}  // namespace webhook
