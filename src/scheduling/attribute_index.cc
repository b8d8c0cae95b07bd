#include "scheduling/attribute_index.h"

#include <algorithm>
#include <utility>

namespace webhook {
namespace {

template <class Named>
const Named* find_in(const std::vector<Named>& sorted, std::string_view text) {
  const auto found =
      std::lower_bound(sorted.begin(), sorted.end(), text,
                       [](const Named& each, std::string_view want) { return each.text < want; });
  return found != sorted.end() && found->text == text ? &*found : nullptr;
}

template <class Named>
void sort_by_text(std::vector<Named>& all) {
  std::sort(all.begin(), all.end(), [](const Named& a, const Named& b) { return a.text < b.text; });
  all.shrink_to_fit();
}

using ValueOfNode = std::pair<TextPool::Id, std::uint32_t>;

/// What the nodes have for each key, by its id; none for ids that are no key.
std::vector<std::vector<ValueOfNode>> group_by_key(
    const std::vector<AttributeIndex::Attribute>& attributes, std::size_t ids) {
  std::vector<std::vector<ValueOfNode>> groups(ids);
  for (const auto& [key, value, node] : attributes) groups[key].emplace_back(value, node);
  return groups;
}

}  // namespace

AttributeIndex::AttributeIndex(const std::vector<Attribute>& attributes, const TextPool& texts,
                               std::size_t nodes)
    : nodes_(nodes) {
  auto groups = group_by_key(attributes, texts.limit());
  std::vector<std::uint32_t> members;
  for (TextPool::Id id = 0; id < groups.size(); ++id) {
    std::vector<ValueOfNode>& group = groups[id];
    if (group.empty()) continue;
    members.clear();
    for (const auto& [value, node] : group) members.push_back(node);
    Key& key =
        keys_.emplace_back(Key{.text = keep(texts.text(id)), .nodes = keep(members), .values = {}});
    std::sort(group.begin(), group.end());
    for (auto from = group.begin(); from != group.end();) {
      const TextPool::Id value = from->first;
      members.clear();
      for (; from != group.end() && from->first == value; ++from) members.push_back(from->second);
      key.values.push_back({.text = keep(texts.text(value)), .nodes = keep(members)});
    }
    sort_by_text(key.values);
    group = {};
  }
  sort_by_text(keys_);
  lists_.shrink_to_fit();
  bits_.shrink_to_fit();
}

const AttributeIndex::Value* AttributeIndex::Key::find(std::string_view value) const {
  return find_in(values, value);
}

const AttributeIndex::Key* AttributeIndex::find(std::string_view key) const {
  return find_in(keys_, key);
}

void AttributeIndex::add(const Nodes& nodes, NodeSet& to) const {
  if (nodes.are_bits) {
    to.unite(&bits_[nodes.first]);
  } else {
    for (std::uint32_t i = 0; i < nodes.size; ++i) to.add(lists_[nodes.first + i]);
  }
}

AttributeIndex::Nodes AttributeIndex::keep(const std::vector<std::uint32_t>& nodes) {
  const std::size_t words = NodeSet::words_for(nodes_);
  const auto size = static_cast<std::uint32_t>(nodes.size());
  if (nodes.size() * sizeof(nodes.front()) <= words * sizeof(NodeSet::Word)) {
    const auto first = static_cast<std::uint32_t>(lists_.size());
    lists_.insert(lists_.end(), nodes.begin(), nodes.end());
    return {.first = first, .size = size, .are_bits = false};
  }
  NodeSet set(nodes_);
  for (const std::uint32_t node : nodes) set.add(node);
  const auto first = static_cast<std::uint32_t>(bits_.size());
  bits_.insert(bits_.end(), set.words().begin(), set.words().end());
  return {.first = first, .size = size, .are_bits = true};
}

std::string_view AttributeIndex::keep(std::string_view text) {
  constexpr std::size_t kBlock = 4096;
  if (texts_.empty() || texts_.back().size() + text.size() > texts_.back().capacity()) {
    texts_.emplace_back().reserve(std::max(kBlock, text.size()));
  }
  std::vector<char>& block = texts_.back();
  const std::size_t begin = block.size();
  block.insert(block.end(), text.begin(), text.end());
  return {block.data() + begin, text.size()};
}

}  // namespace webhook
