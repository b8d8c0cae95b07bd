#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/kube_version.h"

namespace webhook {

/// What happens to a code-executor pod that cannot be sandboxed.
enum class Fallback {
  kPrivileged,  ///< `securityContext: {privileged: true}`: what the chart did before 1.33.
  kUnchanged,   ///< Left as it came.
  kDeny,        ///< Refused with 403.
};

/// How the seccomp profile reaches the init container.
enum class Delivery {
  kConfigMap,     ///< A ConfigMap in the pod's namespace.
  kAnnotation,    ///< An annotation of the pod, read through a downwardAPI volume.
  kPreinstalled,  ///< Not at all: it is on the nodes already. No init container, no volumes.
};

/// The oldest release that keeps hostUsers and procMount: below it the API server drops both in
/// silence, and the pod would run in the host's user namespace with NET_ADMIN.
constexpr KubeVersion kOldestSandboxVersion{1, 33};

/// Stands for the profile's digest in the names of its file and of its ConfigMap, so that what has
/// another content has another name.
inline constexpr std::string_view kDigestPlaceholder = "{sha256}";

/// Requests and limits of a container, as Kubernetes quantities: {"cpu": "10m"}.
struct Resources {
  std::map<std::string, std::string> requests;
  std::map<std::string, std::string> limits;

  friend bool operator==(const Resources&, const Resources&) = default;
};

/// The bytes of a seccomp profile and their sha256 in lower-case hex.
struct SeccompProfile {
  std::string bytes;
  std::string sha256;

  friend bool operator==(const SeccompProfile&, const SeccompProfile&) = default;
};

/// The administrator's wishes: the parts of the configuration that the decision and the patch
/// depend on. Defaults are those of manifests/base/config.yaml. `profile` has none here: the caller
/// supplies it.
struct Policy {
  std::string container_name = "code-executor";

  KubeVersion minimum_version = kOldestSandboxVersion;  ///< Never below kOldestSandboxVersion.
  Fallback fallback = Fallback::kPrivileged;
  /// Where no node that a pod may go to can run it; none: it is sandboxed all the same.
  std::optional<Fallback> node_fallback;
  std::int64_t ids_per_pod = 65'536;  ///< User and group ids of a pod's user namespace.
  bool replace_chart_default = false;
  std::string app_armor_profile =
      "Unconfined";  ///< Unconfined, RuntimeDefault, Localhost/<name>, "".

  SeccompProfile profile;
  /// The file below kubelet_seccomp_dir; a template, as config_map_name is.
  std::string localhost_profile = "profiles/nsjail-seccomp-{sha256}.json";
  Delivery delivery = Delivery::kConfigMap;
  std::string config_map_name = "code-executor-seccomp-{sha256}";
  std::string kubelet_seccomp_dir = "/var/lib/kubelet/seccomp";

  std::string installer_image =
      "busybox:1.37.0@sha256:b3255e7dfbcd10cb367af0d409747d511aeb66dfac98cf30e97e87e4207dd76f";
  Resources installer_resources = {.requests = {{"cpu", "10m"}, {"memory", "16Mi"}},
                                   .limits = {{"cpu", "100m"}, {"memory", "32Mi"}}};
  std::map<std::string, std::string> installer_se_linux_options;  ///< level, role, type, user.

  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace webhook
