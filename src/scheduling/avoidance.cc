#include "scheduling/avoidance.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "scheduling/known_keys.h"
#include "scheduling/label_value.h"

namespace webhook {
namespace {

NodeRequirement not_in(std::string_view key, std::vector<std::string> values) {
  return {.key = std::string(key),
          .op = NodeRequirement::Operator::kNotIn,
          .values = std::move(values)};
}

/// The values of the divider that all of `bad` have and no node that is not bad; none where a node
/// has no value, or one that others have too, or where there are too many.
std::optional<std::vector<std::string>> values_of(const NodeSet& bad,
                                                  const NodeSnapshot::Divider& divider,
                                                  const std::vector<bool>& all_bad) {
  if (divider.key == nullptr) return std::nullopt;
  std::vector<bool> seen(divider.key->values.size());
  std::vector<std::string> values;
  const bool covers = bad.all_of([&](std::size_t node) {
    const std::uint32_t value = divider.value_of_node[node];
    if (value == NodeSnapshot::kNoValue || !all_bad[value]) return false;
    if (seen[value]) return true;
    seen[value] = true;
    const std::string_view text = divider.key->values[value].text;
    if (values.size() == kMostAvoided || !is_label_value(text)) return false;
    values.emplace_back(text);
    return true;
  });
  if (!covers) return std::nullopt;
  // In one order, whichever node was first: so that a later review knows it again.
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

std::optional<NodeRequirement> find_avoidance(const NodeSet& bad, const NodeSnapshot& nodes,
                                              const NodeSnapshot::View& view) {
  NodeSet not_labelled = bad;
  not_labelled -= nodes.labelled_bad();
  if (not_labelled.empty()) return not_in(kSandboxLabel, {"false"});
  for (std::size_t i = 0; i < nodes.dividers().size(); ++i) {
    // Karpenter makes no node for a pod that says something of hostnames: kubernetes-sigs/karpenter
    // issue 3214.
    if (i == NodeSnapshot::kHostnameDivider && nodes.shows_autoscaler()) continue;
    const NodeSnapshot::Divider& divider = nodes.dividers().at(i);
    auto values = values_of(bad, divider, view.all_bad.at(i));
    if (values) return not_in(divider.key->text, std::move(*values));
  }
  return std::nullopt;
}

bool can_be_avoidance(const NodeRequirement& requirement) {
  const std::string_view key = requirement.key;
  const bool is_key = key == kSandboxLabel || key == kHostnameLabel ||
                      std::find(kPoolLabels.begin(), kPoolLabels.end(), key) != kPoolLabels.end();
  return is_key && requirement.op == NodeRequirement::Operator::kNotIn;
}

std::string to_selector(const NodeRequirement& avoidance) {
  std::string text = avoidance.key + " notin (";
  for (std::size_t i = 0; i < avoidance.values.size(); ++i) {
    text.append(i == 0 ? "" : ",").append(avoidance.values[i]);
  }
  return text + ')';
}

}  // namespace webhook
