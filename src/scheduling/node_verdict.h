#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/kube_version.h"
#include "scheduling/cluster_node.h"

namespace webhook {

/// The label by which an administrator says whether a node can run the sandbox, "true" or "false":
/// it counts for more than all that the node says of itself.
inline constexpr std::string_view kSandboxLabel = "code-executor-webhook/sandbox";

/// A release of Linux, to the precision that features follow.
struct KernelVersion {
  int major = 0;
  int minor = 0;

  friend auto operator<=>(const KernelVersion&, const KernelVersion&) = default;
};

/// tmpfs takes id-mapped mounts since then, and the service account's token is on a tmpfs
/// (KEP-127, "Pod.spec changes").
inline constexpr KernelVersion kOldestKernel{6, 3};

/// The kubelet has the feature gate on from there (KEP-127, "Graduation Criteria").
inline constexpr KubeVersion kOldestKubelet{1, 33};

/// Since when a container runtime runs pods with user namespaces. Source: kubernetes.io, "User
/// Namespaces", and the runtimes' release notes. cri-dockerd never did.
struct OldestRuntime {
  std::string_view name;  ///< As the runtime calls itself.
  KubeVersion version;    ///< Major and minor, as those of Kubernetes.
  std::string_view words;
};
inline constexpr std::array kOldestRuntimes{OldestRuntime{"containerd", {2, 0}, "containerd 2.0"},
                                            OldestRuntime{"cri-o", {1, 25}, "CRI-O 1.25"}};

/// Null for a runtime whose versions are not known here.
const OldestRuntime* find_oldest_runtime(std::string_view name);

/// "6.3".
std::string to_string(KernelVersion version);

/// Of "6.8.0-45-generic"; none for what is no such release.
std::optional<KernelVersion> parse_kernel_version(std::string_view release);

/// True for a kernel of a distribution that brings id-mapped mounts on tmpfs back to a kernel that
/// is older by its number: such a number says nothing.
bool may_be_backported(std::string_view release);

/// What is known of whether a node can run a pod with a user namespace of its own.
enum class NodeState {
  kGood,
  kBad,
  kUnknown,  ///< Counts as good: ignorance is not badness.
};

/// "good", "bad", "unknown".
std::string_view to_string(NodeState state);

struct NodeCounts {
  std::size_t good = 0;
  std::size_t bad = 0;
  std::size_t unknown = 0;

  friend bool operator==(const NodeCounts&, const NodeCounts&) = default;
};

struct NodeVerdict {
  NodeState state = NodeState::kUnknown;
  std::string why;  ///< Of a bad node: "kernel 5.15.0 is older than 6.3"; else empty.
};

/// Judges `node` for a pod whose RuntimeClass has `handler`: empty is the default one, none is one
/// that is not known.
NodeVerdict judge(const ClusterNode& node, const std::optional<std::string>& handler);

}  // namespace webhook
