#include "scheduling/node_snapshot.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace webhook {
namespace {

using Attribute = AttributeIndex::Attribute;

NodeSet nodes_with(const AttributeIndex& labels, std::string_view key, std::string_view value,
                   std::size_t nodes) {
  NodeSet set(nodes);
  const auto* found_key = labels.find(key);
  const auto* found = found_key == nullptr ? nullptr : found_key->find(value);
  if (found != nullptr) labels.add(found->nodes, set);
  return set;
}

/// Of `handler`, or of one that is not known.
const StoredNode::Verdict& verdict_of(const StoredNode& node, const TextPool& texts,
                                      const std::optional<std::string>& handler) {
  const auto found =
      std::find_if(node.verdicts.begin(), node.verdicts.end(),
                   [&](const auto& each) { return texts.text(each.handler) == handler; });
  return found == node.verdicts.end() ? node.otherwise : *found;
}

}  // namespace

NodeSnapshot::NodeSnapshot(const Nodes& nodes, const TextPool& texts,
                           const RuntimeClasses& runtime_classes)
    : runtime_classes_(runtime_classes) {
  index(nodes, texts);
  find_nodes_by_label();
  make_dividers();
  add_view(nodes, texts, std::nullopt);
  // No others: nodes can name as many as they like.
  std::set<std::string> handlers = {""};
  for (const auto& [name, handler] : runtime_classes) handlers.insert(handler);
  for (const std::string& handler : handlers) add_view(nodes, texts, handler);
}

std::optional<std::size_t> NodeSnapshot::find(std::string_view name) const {
  const auto found = std::lower_bound(names_.begin(), names_.end(), name);
  if (found == names_.end() || *found != name) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

const NodeSnapshot::View& NodeSnapshot::view_for(std::string_view runtime_class) const {
  std::string_view handler;
  if (!runtime_class.empty()) {
    const auto found = runtime_classes_.find(runtime_class);
    if (found == runtime_classes_.end()) return views_.front();
    handler = found->second;
  }
  const auto view = std::find_if(views_.begin(), views_.end(),
                                 [&](const View& each) { return each.handler == handler; });
  return view == views_.end() ? views_.front() : *view;
}

void NodeSnapshot::index(const Nodes& nodes, const TextPool& texts) {
  std::vector<Attribute> labels;
  std::vector<Attribute> no_schedule;
  std::vector<Attribute> no_execute;
  for (const auto& [name, node] : nodes) {
    const auto number = static_cast<std::uint32_t>(names_.size());
    names_.push_back(name);
    for (const auto& [key, value] : node.labels) labels.push_back({key, value, number});
    for (const auto& [label, effect] : node.taints) {
      shows_autoscaler_ = webhook::shows_autoscaler(texts.text(label.key)) || shows_autoscaler_;
      if (is_lifecycle_taint(texts.text(label.key))) continue;
      (effect == Taint::Effect::kNoExecute ? no_execute : no_schedule)
          .push_back({label.key, label.value, number});
    }
  }
  labels_ = AttributeIndex(labels, texts, size());
  no_schedule_ = AttributeIndex(no_schedule, texts, size());
  no_execute_ = AttributeIndex(no_execute, texts, size());
}

void NodeSnapshot::find_nodes_by_label() {
  windows_ = nodes_with(labels_, kOsLabel, "windows", size());
  labelled_bad_ = nodes_with(labels_, kSandboxLabel, "false", size());
  for (const auto& key : labels_.keys()) {
    shows_autoscaler_ = webhook::shows_autoscaler(key.text) || shows_autoscaler_;
  }
}

void NodeSnapshot::make_dividers() {
  for (std::size_t i = 0; i < kDividers; ++i) {
    Divider& divider = dividers_.at(i);
    divider.key = labels_.find(i == kHostnameDivider ? kHostnameLabel : kPoolLabels.at(i));
    if (divider.key == nullptr) continue;
    divider.value_of_node.assign(size(), kNoValue);
    for (std::uint32_t value = 0; value < divider.key->values.size(); ++value) {
      labels_.for_each(divider.key->values[value].nodes,
                       [&](std::size_t node) { divider.value_of_node[node] = value; });
    }
  }
}

void NodeSnapshot::add_view(const Nodes& nodes, const TextPool& texts,
                            std::optional<std::string> handler) {
  View view{
      .handler = std::move(handler), .bad = NodeSet(size()), .why_of_node = {}, .all_bad = {}};
  std::unordered_map<TextPool::Id, std::uint32_t> reasons;
  view.why_of_node.reserve(size());
  std::size_t number = 0;
  for (const auto& [name, node] : nodes) {
    const StoredNode::Verdict& verdict = verdict_of(node, texts, view.handler);
    if (verdict.state == NodeState::kBad) view.bad.add(number);
    const auto [reason, is_new] =
        reasons.emplace(verdict.why, static_cast<std::uint32_t>(reasons_.size()));
    if (is_new) reasons_.emplace_back(texts.text(verdict.why));
    view.why_of_node.push_back(reason->second);
    ++number;
  }
  judge_dividers(view);
  views_.push_back(std::move(view));
}

void NodeSnapshot::judge_dividers(View& view) const {
  for (const Divider& divider : dividers_) {
    std::vector<bool>& all_bad = view.all_bad.emplace_back();
    if (divider.key == nullptr) continue;
    all_bad.assign(divider.key->values.size(), true);
    for (std::size_t node = 0; node < size(); ++node) {
      const std::uint32_t value = divider.value_of_node[node];
      if (value != kNoValue && !view.bad.contains(node)) all_bad[value] = false;
    }
  }
}

}  // namespace webhook
