#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduling/attribute_index.h"
#include "scheduling/known_keys.h"
#include "scheduling/node_set.h"
#include "scheduling/stored_node.h"
#include "scheduling/text_pool.h"

namespace webhook {

/// All nodes at one time, so prepared that a pod is decided without a look at each. Does not
/// change.
class NodeSnapshot {
 public:
  /// A label by which nodes can be kept apart, as it is told of each node and value.
  struct Divider {
    const AttributeIndex::Key* key = nullptr;  ///< Null if no node has it.
    std::vector<std::uint32_t> value_of_node;  ///< Index among the key's values, or kNoValue.
  };
  static constexpr std::uint32_t kNoValue = UINT32_MAX;

  /// What is known of the nodes for pods of one handler.
  struct View {
    std::optional<std::string> handler;
    NodeSet bad;
    std::vector<std::uint32_t> why_of_node;  ///< Index among the reasons.
    /// For each divider, which of its values are had by bad nodes only.
    std::vector<std::vector<bool>> all_bad;
  };

  /// The keys of the dividers, in the order in which they are tried: a pool's, then the hostname.
  static constexpr std::size_t kDividers = kPoolLabels.size() + 1;
  static constexpr std::size_t kHostnameDivider = kPoolLabels.size();

  using Nodes = std::map<std::string, StoredNode, std::less<>>;
  using RuntimeClasses = std::map<std::string, std::string, std::less<>>;

  NodeSnapshot(const Nodes& nodes, const TextPool& texts, const RuntimeClasses& runtime_classes);
  // Its parts look into each other.
  NodeSnapshot(const NodeSnapshot&) = delete;
  NodeSnapshot& operator=(const NodeSnapshot&) = delete;

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] std::string_view name_of(std::size_t node) const { return names_[node]; }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

  [[nodiscard]] const AttributeIndex& labels() const { return labels_; }
  /// Without those of the nodes' lives: see is_lifecycle_taint().
  [[nodiscard]] const AttributeIndex& taints(Taint::Effect effect) const {
    return effect == Taint::Effect::kNoExecute ? no_execute_ : no_schedule_;
  }
  /// Nodes of Windows: no pod of ours can go there, whatever it says.
  [[nodiscard]] const NodeSet& windows() const { return windows_; }
  /// Nodes with the label that says that they cannot run the sandbox.
  [[nodiscard]] const NodeSet& labelled_bad() const { return labelled_bad_; }
  [[nodiscard]] const std::array<Divider, kDividers>& dividers() const { return dividers_; }
  [[nodiscard]] bool shows_autoscaler() const { return shows_autoscaler_; }

  /// For pods of a RuntimeClass; empty is none.
  [[nodiscard]] const View& view_for(std::string_view runtime_class) const;
  /// Why a bad node of `view` is bad.
  [[nodiscard]] std::string_view why(const View& view, std::size_t node) const {
    return reasons_[view.why_of_node[node]];
  }

 private:
  void index(const Nodes& nodes, const TextPool& texts);
  void find_nodes_by_label();
  void make_dividers();
  void add_view(const Nodes& nodes, const TextPool& texts, std::optional<std::string> handler);
  void judge_dividers(View& view) const;

  std::vector<std::string> names_;  ///< In order.
  AttributeIndex labels_;
  AttributeIndex no_schedule_;
  AttributeIndex no_execute_;
  NodeSet windows_;
  NodeSet labelled_bad_;
  std::array<Divider, kDividers> dividers_;
  bool shows_autoscaler_ = false;
  std::vector<View> views_;  ///< The first is that of handlers that are not known.
  std::vector<std::string> reasons_;
  RuntimeClasses runtime_classes_;
};

}  // namespace webhook
