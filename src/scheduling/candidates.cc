#include "scheduling/candidates.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace webhook {
namespace {

using Key = AttributeIndex::Key;

/// As Go's strconv.ParseInt reads it in base 10.
std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// As parse_integer(), of what k8s.io/apimachinery pkg/api/validate/content IsDecimalInteger takes:
/// no sign but a minus, and no zero before the number.
std::optional<std::int64_t> parse_decimal(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  const bool is_plain = !digits.starts_with('+') && !digits.starts_with('-');
  const bool has_zero = digits.starts_with('0') && text != "0";
  return is_plain && !has_zero ? parse_integer(text) : std::nullopt;
}

/// Collects the nodes of one pod.
class Search {
 public:
  Search(const NodeSnapshot& nodes, const IsIgnored& is_ignored)
      : nodes_(nodes), is_ignored_(is_ignored) {}

  /// The nodes that match one of the terms.
  [[nodiscard]] NodeSet matching(const std::vector<NodeSelectorTerm>& terms) const {
    NodeSet found = none();
    for (const NodeSelectorTerm& term : terms) {
      if (!term.is_empty()) found |= matching(term);
    }
    return found;
  }

  /// The nodes with this value of a label.
  void keep_labelled(NodeSet& set, std::string_view key, std::string_view value) const {
    NodeSet having = none();
    add_value(nodes_.labels().find(key), value, having);
    set &= having;
  }

  /// Takes away the nodes with a taint of this effect that the pod does not tolerate.
  void keep_tolerated(NodeSet& set, const std::vector<Toleration>& tolerations,
                      Taint::Effect effect) const {
    const AttributeIndex& taints = nodes_.taints(effect);
    for (const Key& key : taints.keys()) {
      NodeSet tainted = none();
      taints.add(key.nodes, tainted);
      for (const Toleration& toleration : tolerations) {
        const bool is_of_key = toleration.key.empty() || toleration.key == key.text;
        const bool is_of_effect = toleration.is_of_all_effects || toleration.effect == effect;
        if (is_of_key && is_of_effect) take_tolerated(tainted, key, taints, toleration);
      }
      set -= tainted;
    }
  }

 private:
  [[nodiscard]] NodeSet none() const { return NodeSet(nodes_.size()); }
  [[nodiscard]] NodeSet all() const { return NodeSet::all(nodes_.size()); }

  void add_value(const Key* key, std::string_view value, NodeSet& to) const {
    const auto* found = key == nullptr ? nullptr : key->find(value);
    if (found != nullptr) nodes_.labels().add(found->nodes, to);
  }

  [[nodiscard]] NodeSet matching(const NodeSelectorTerm& term) const {
    NodeSet found = all();
    for (const NodeRequirement& each : term.expressions) {
      if (!is_ignored_ || !is_ignored_(each)) found &= matching_labels(each);
    }
    for (const NodeRequirement& each : term.fields) found &= matching_fields(each);
    return found;
  }

  [[nodiscard]] NodeSet matching_labels(const NodeRequirement& requirement) const {
    const Key* key = nodes_.labels().find(requirement.key);
    const bool has_values = !requirement.values.empty();
    switch (requirement.op) {
      case NodeRequirement::Operator::kIn: return has_values ? having(requirement, key) : none();
      case NodeRequirement::Operator::kNotIn:
        return has_values ? all() -= having(requirement, key) : none();
      case NodeRequirement::Operator::kExists: return has_values ? none() : having(key);
      case NodeRequirement::Operator::kDoesNotExist:
        return has_values ? none() : all() -= having(key);
      case NodeRequirement::Operator::kGt:
      case NodeRequirement::Operator::kLt: return comparing(requirement, key);
      case NodeRequirement::Operator::kOther: break;
    }
    return none();
  }

  [[nodiscard]] NodeSet having(const Key* key) const {
    NodeSet found = none();
    if (key != nullptr) nodes_.labels().add(key->nodes, found);
    return found;
  }

  [[nodiscard]] NodeSet having(const NodeRequirement& requirement, const Key* key) const {
    NodeSet found = none();
    for (const std::string& value : requirement.values) add_value(key, value, found);
    return found;
  }

  [[nodiscard]] NodeSet comparing(const NodeRequirement& requirement, const Key* key) const {
    NodeSet found = none();
    const auto bound =
        requirement.values.size() == 1 ? parse_integer(requirement.values.front()) : std::nullopt;
    if (key == nullptr || !bound) return found;
    const bool is_greater = requirement.op == NodeRequirement::Operator::kGt;
    for (const AttributeIndex::Value& value : key->values) {
      const auto number = parse_integer(value.text);
      if (number && (is_greater ? *number > *bound : *number < *bound)) {
        nodes_.labels().add(value.nodes, found);
      }
    }
    return found;
  }

  /// The only field of a node that can be selected by is its name; another is empty.
  [[nodiscard]] NodeSet matching_fields(const NodeRequirement& requirement) const {
    const bool is_in = requirement.op == NodeRequirement::Operator::kIn;
    const bool is_known = is_in || requirement.op == NodeRequirement::Operator::kNotIn;
    if (!is_known || requirement.values.size() != 1) return none();
    const std::string& value = requirement.values.front();
    NodeSet found = none();
    if (requirement.key != "metadata.name") {
      if (value.empty()) found = all();
    } else if (const auto node = nodes_.find(value)) {
      found.add(*node);
    }
    return is_in ? found : all() -= found;
  }

  /// Takes out of `tainted` the nodes whose taint of `key` is tolerated.
  void take_tolerated(NodeSet& tainted, const Key& key, const AttributeIndex& taints,
                      const Toleration& toleration) const {
    NodeSet tolerated = none();
    switch (toleration.op) {
      case Toleration::Operator::kExists: taints.add(key.nodes, tolerated); break;
      case Toleration::Operator::kEqual:
        if (const auto* value = key.find(toleration.value)) taints.add(value->nodes, tolerated);
        break;
      case Toleration::Operator::kGt:
      case Toleration::Operator::kLt: add_comparing(toleration, key, taints, tolerated); break;
      case Toleration::Operator::kOther: return;
    }
    tainted -= tolerated;
  }

  static void add_comparing(const Toleration& toleration, const Key& key,
                            const AttributeIndex& taints, NodeSet& to) {
    const auto bound = parse_decimal(toleration.value);
    if (!bound) return;
    const bool is_greater = toleration.op == Toleration::Operator::kGt;
    for (const AttributeIndex::Value& value : key.values) {
      const auto number = parse_decimal(value.text);
      if (number && (is_greater ? *number > *bound : *number < *bound)) taints.add(value.nodes, to);
    }
  }

  const NodeSnapshot& nodes_;
  const IsIgnored& is_ignored_;
};

/// All nodes but those of Windows; with a nodeName that one.
NodeSet first_candidates(const PodConstraints& pod, const NodeSnapshot& nodes) {
  NodeSet set = NodeSet::all(nodes.size());
  if (!pod.node_name.empty()) {
    set = NodeSet(nodes.size());
    if (const auto node = nodes.find(pod.node_name)) set.add(*node);
  }
  return set -= nodes.windows();
}

}  // namespace

NodeSet find_candidates(const PodConstraints& pod, const NodeSnapshot& nodes,
                        const IsIgnored& is_ignored) {
  const Search search(nodes, is_ignored);
  NodeSet set = first_candidates(pod, nodes);
  for (const auto& [key, value] : pod.node_selector) search.keep_labelled(set, key, value);
  if (pod.parents.has_required) set &= search.matching(pod.terms);
  search.keep_tolerated(set, pod.tolerations, Taint::Effect::kNoExecute);
  if (pod.node_name.empty()) {
    search.keep_tolerated(set, pod.tolerations, Taint::Effect::kNoSchedule);
  }
  return set;
}

}  // namespace webhook
