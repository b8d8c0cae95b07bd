#pragma once

#include <array>
#include <string_view>

namespace webhook {

// Keys of labels and taints that others have given a meaning.

inline constexpr std::string_view kHostnameLabel = "kubernetes.io/hostname";
inline constexpr std::string_view kOsLabel = "kubernetes.io/os";

/// The labels that name the pool a node is made from: all nodes of a pool are made alike.
inline constexpr std::array<std::string_view, 4> kPoolLabels{
    "cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup",
    "kubernetes.azure.com/agentpool", "karpenter.sh/nodepool"};

/// True for the key of a taint that comes and goes with the life of a node: while it starts, is
/// upgraded, drained or unwell. A node that has one may be without it a minute later.
bool is_lifecycle_taint(std::string_view key);

/// True for the key of a label, or of a taint, by which a node shows that an autoscaler has made
/// it, or will remove it.
bool shows_autoscaler(std::string_view key);

}  // namespace webhook
