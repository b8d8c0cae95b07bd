#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace webhook {

class JsonValue;

/// What keeps pods off a node: of the effects NoSchedule and NoExecute only. PreferNoSchedule asks,
/// and what this release does not know keeps nobody off.
struct Taint {
  enum class Effect { kNoSchedule, kNoExecute };

  std::string key;
  std::string value;
  Effect effect = Effect::kNoSchedule;

  friend bool operator==(const Taint&, const Taint&) = default;
};

/// One of a node's status.runtimeHandlers.
struct NodeRuntimeHandler {
  std::string name;  ///< Empty: the default one.
  /// features.userNamespaces. It speaks of the runtime, not of the kernel.
  std::optional<bool> user_namespaces;

  friend bool operator==(const NodeRuntimeHandler&, const NodeRuntimeHandler&) = default;
};

/// What is read of a v1 Node. The rest is dropped while it is read: addresses, images, conditions
/// and annotations are most of it, and change every minute. A cordoned node counts as any other: it
/// comes back.
struct ClusterNode {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;  ///< By key.
  std::vector<Taint> taints;
  std::string kernel_version;   ///< As uname(2) gives it, such as "6.8.0-45-generic".
  std::string kubelet_version;  ///< Such as "v1.33.5-gke.2019000".
  std::string os_image;         ///< Such as "Ubuntu 24.04.1 LTS".
  std::string runtime_version;  ///< Such as "containerd://2.1.4".
  std::vector<NodeRuntimeHandler> runtime_handlers;

  friend bool operator==(const ClusterNode&, const ClusterNode&) = default;
};

/// Reads a v1 Node: an element of a list, or the object of a watch's event. What is wrong with a
/// field that is read sticks to the document of `node`; a Node without a name is wrong.
ClusterNode read_cluster_node(const JsonValue& node);

/// A node.k8s.io/v1 RuntimeClass, as far as it matters: what its `scheduling` says is in the pod
/// before webhooks are called.
struct RuntimeClass {
  std::string name;
  std::string handler;

  friend bool operator==(const RuntimeClass&, const RuntimeClass&) = default;
};

/// Reads a node.k8s.io/v1 RuntimeClass, as read_cluster_node() does.
RuntimeClass read_runtime_class(const JsonValue& runtime_class);

}  // namespace webhook
