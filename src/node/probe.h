#pragma once

#include <filesystem>
#include <string>

#include "node/facts.h"

namespace webhook {

struct NodeProbeOptions {
  /// Where the host's / stands. Files are read below it; what is tried is tried of the kernel.
  std::filesystem::path host_root = "/";
  std::string kubelet_seccomp_dir = "/var/lib/kubelet/seccomp";  ///< Absolute, below host_root.
  std::string app_armor_profile = "Unconfined";                  ///< Of the policy.
};

/// Reads and tries what check_node() judges. Changes nothing: mounts are never attached, namespaces
/// end with the child that holds them. What cannot be read or tried is a fact as well. Throws
/// std::runtime_error where no child can be started.
NodeFacts probe_node(const NodeProbeOptions& options);

}  // namespace webhook
