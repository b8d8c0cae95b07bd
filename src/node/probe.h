#pragma once

#include <filesystem>
#include <string>

#include "node/facts.h"

namespace webhook {

struct NodeProbeOptions {
  /// Where the host's / is mounted. Files are read below it; trials ask the running kernel.
  std::filesystem::path host_root = "/";
  std::string kubelet_seccomp_dir = "/var/lib/kubelet/seccomp";  ///< Absolute, below host_root.
  std::string app_armor_profile = "Unconfined";                  ///< Of the policy.
  /// The runtime's CRI socket, below host_root; empty: where runtimes have theirs.
  std::string runtime_endpoint{};
};

/// Reads and tries what check_node() judges. Changes nothing: mounts are never attached, namespaces
/// end with the child that holds them. What cannot be read or tried is a fact as well. Throws
/// std::runtime_error if it cannot start a child.
NodeFacts probe_node(const NodeProbeOptions& options);

}  // namespace webhook
