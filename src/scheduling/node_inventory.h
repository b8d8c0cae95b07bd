#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "scheduling/cluster_node.h"
#include "scheduling/node_verdict.h"

namespace webhook {

class NodeSnapshot;

/// The nodes of a cluster and its RuntimeClasses, kept up to date by one thread, and seen by others
/// through snapshots: those do not change, and outlive the inventory. Kept compactly: some 1 kB
/// a node with 35 labels, and 0.4 kB more in each snapshot.
class NodeInventory {
 public:
  NodeInventory();
  ~NodeInventory();
  NodeInventory(const NodeInventory&) = delete;
  NodeInventory& operator=(const NodeInventory&) = delete;

  /// Adds a node, or takes the place of the one of its name. False where nothing that is kept has
  /// changed: a kubelet tells of itself every few minutes.
  bool put(const ClusterNode& node);
  bool remove(std::string_view name);

  /// All that follows until end_list() is a list of all nodes, which may come in pages: it puts
  /// each, and end_list() removes those that were not put. Until then the others stay, and so they
  /// do where a list is begun anew because the last one broke off.
  void begin_list();
  /// True where anything has changed since begin_list().
  bool end_list();

  /// The RuntimeClasses are few: the handler of each, by its name. A class that is not among them
  /// has a handler that is not known.
  bool put(const RuntimeClass& runtime_class);
  bool remove_runtime_class(std::string_view name);
  /// All of them, as a list says.
  bool replace_runtime_classes(const std::vector<RuntimeClass>& classes);

  [[nodiscard]] std::size_t size() const;

  /// How many nodes there are of each kind, for pods without a RuntimeClass.
  [[nodiscard]] NodeCounts counts() const;

  /// The nodes as they are now: made anew where something has changed since the last one, which
  /// takes some 15 ms for 5,000 nodes. So do not ask after each event of many.
  std::shared_ptr<const NodeSnapshot> snapshot();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace webhook
