#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace webhook {

/// Some of the nodes of a snapshot, by their index: a bit for each that there is. Sets that are put
/// together are of the same snapshot.
class NodeSet {
 public:
  using Word = std::uint64_t;
  static constexpr std::size_t kBits = 64;

  static constexpr std::size_t words_for(std::size_t nodes) { return (nodes + kBits - 1) / kBits; }

  /// None of `nodes` nodes.
  explicit NodeSet(std::size_t nodes = 0) : words_(words_for(nodes)), nodes_(nodes) {}

  static NodeSet all(std::size_t nodes) {
    NodeSet set(nodes);
    for (Word& word : set.words_) word = ~Word{0};
    if (nodes % kBits != 0) set.words_.back() = (Word{1} << nodes % kBits) - 1;
    return set;
  }

  void add(std::size_t node) { words_[node / kBits] |= Word{1} << node % kBits; }
  [[nodiscard]] bool contains(std::size_t node) const {
    return (words_[node / kBits] >> node % kBits & 1U) != 0;
  }

  NodeSet& operator|=(const NodeSet& other) { return unite(other.words_.data()); }
  NodeSet& operator&=(const NodeSet& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
    return *this;
  }
  NodeSet& operator-=(const NodeSet& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
    return *this;
  }

  /// `words` has as many as this set.
  NodeSet& unite(const Word* words) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= words[i];
    return *this;
  }

  [[nodiscard]] std::size_t size() const {
    std::size_t size = 0;
    for (const Word word : words_) size += static_cast<std::size_t>(std::popcount(word));
    return size;
  }
  [[nodiscard]] bool empty() const {
    for (const Word word : words_) {
      if (word != 0) return false;
    }
    return true;
  }

  /// How many nodes there are, in the set or not.
  [[nodiscard]] std::size_t nodes() const { return nodes_; }

  /// Calls `visit(node)` for each, by index, until one returns false; false if one did.
  template <class Visit>
  // NOLINTNEXTLINE(modernize-use-nodiscard): who never stops has nothing to learn
  bool all_of(Visit visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (Word rest = words_[i]; rest != 0; rest &= rest - 1) {
        if (!visit(i * kBits + static_cast<std::size_t>(std::countr_zero(rest)))) return false;
      }
    }
    return true;
  }

  [[nodiscard]] const std::vector<Word>& words() const { return words_; }

  friend bool operator==(const NodeSet&, const NodeSet&) = default;

 private:
  std::vector<Word> words_;
  std::size_t nodes_;
};

}  // namespace webhook
