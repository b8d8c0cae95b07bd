#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scheduling/node_set.h"
#include "scheduling/text_pool.h"

namespace webhook {

/// Which nodes have which key with which value: of labels, or of taints of one effect. Made once.
/// Few nodes are kept as a list, many as bits, whichever is smaller.
class AttributeIndex {
 public:
  /// One key of one node.
  struct Attribute {
    TextPool::Id key;
    TextPool::Id value;
    std::uint32_t node;
  };

  /// Where the nodes of something are.
  struct Nodes {
    std::uint32_t first = 0;
    std::uint32_t size = 0;
    bool are_bits = false;
  };

  struct Value {
    std::string_view text;
    Nodes nodes;
  };

  struct Key {
    std::string_view text;
    Nodes nodes;
    std::vector<Value> values;  ///< By text.

    /// Null if no node has it.
    [[nodiscard]] const Value* find(std::string_view value) const;
  };

  AttributeIndex() = default;
  /// Of `attributes`, by node, each key of a node once; their texts are copied from `texts`.
  AttributeIndex(const std::vector<Attribute>& attributes, const TextPool& texts,
                 std::size_t nodes);
  // Its texts are looked into.
  AttributeIndex(const AttributeIndex&) = delete;
  AttributeIndex& operator=(const AttributeIndex&) = delete;
  AttributeIndex(AttributeIndex&&) = default;
  AttributeIndex& operator=(AttributeIndex&&) = default;

  /// Null if no node has it.
  [[nodiscard]] const Key* find(std::string_view key) const;
  [[nodiscard]] const std::vector<Key>& keys() const { return keys_; }

  void add(const Nodes& nodes, NodeSet& to) const;
  /// Calls `visit(node)` for each.
  template <class Visit>
  void for_each(const Nodes& nodes, Visit visit) const {
    if (nodes.are_bits) {
      NodeSet set(nodes_);
      add(nodes, set);
      set.all_of([&](std::size_t node) { return visit(node), true; });
    } else {
      for (std::uint32_t i = 0; i < nodes.size; ++i) visit(std::size_t{lists_[nodes.first + i]});
    }
  }

 private:
  Nodes keep(const std::vector<std::uint32_t>& nodes);
  std::string_view keep(std::string_view text);

  std::size_t nodes_ = 0;
  std::vector<Key> keys_;  ///< By text.
  std::vector<std::uint32_t> lists_;
  std::vector<NodeSet::Word> bits_;
  std::vector<std::vector<char>> texts_;  ///< Blocks that do not move.
};

}  // namespace webhook
