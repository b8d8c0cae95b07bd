#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace webhook {

/// A Kubernetes release, to the precision feature gates use: {1, 33} is v1.33.
struct KubeVersion {
  int major = 0;
  int minor = 0;

  friend auto operator<=>(const KubeVersion&, const KubeVersion&) = default;
};

/// "1.33".
std::string to_string(KubeVersion version);

/// Reads a version as people and API servers write it: "v1.33.2-eks-1a2b3c", "1.33.2", "1.33".
/// Patch number, pre-release and vendor suffix are ignored: features follow the minor version, as
/// Helm's `>=1.33-0` does.
Result<KubeVersion> parse_kube_version(std::string_view text);

/// What an API server says of itself.
struct ClusterVersion {
  KubeVersion version;  ///< The release whose features are in force: emulated, where it emulates.
  std::string git_version;  ///< As the server prints it, such as "v1.33.5-gke.2019000".

  friend bool operator==(const ClusterVersion&, const ClusterVersion&) = default;
};

/// Reads the body of GET /version (k8s.io/apimachinery/pkg/version.Info). The emulated version
/// counts where there is one, else major.minor ("33+" is 33), else gitVersion.
Result<ClusterVersion> parse_version_info(std::string_view body);

}  // namespace webhook
