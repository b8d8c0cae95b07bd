#include "scheduling/stored_node.h"

#include <optional>
#include <string>

namespace webhook {
namespace {

/// Calls `visit(id)` for each text of `node`.
template <class Visit>
void for_each_text(const StoredNode& node, Visit visit) {
  for (const auto& [key, value] : node.labels) {
    visit(key);
    visit(value);
  }
  for (const auto& [label, effect] : node.taints) {
    visit(label.key);
    visit(label.value);
  }
  for (const auto& [handler, state, why] : node.verdicts) {
    visit(handler);
    visit(why);
  }
  visit(node.otherwise.handler);
  visit(node.otherwise.why);
}

}  // namespace

StoredNode to_stored(const ClusterNode& node, TextPool& pool) {
  StoredNode stored;
  const auto to_verdict = [&](const std::optional<std::string>& handler) {
    const NodeVerdict verdict = judge(node, handler);
    return StoredNode::Verdict{.handler = pool.take(handler.value_or("")),
                               .state = verdict.state,
                               .why = pool.take(verdict.why)};
  };
  stored.labels.reserve(node.labels.size());
  for (const auto& [key, value] : node.labels) {
    stored.labels.push_back({pool.take(key), pool.take(value)});
  }
  stored.taints.reserve(node.taints.size());
  for (const Taint& taint : node.taints) {
    stored.taints.push_back({{pool.take(taint.key), pool.take(taint.value)}, taint.effect});
  }
  stored.verdicts.reserve(node.runtime_handlers.size());
  for (const NodeRuntimeHandler& handler : node.runtime_handlers) {
    stored.verdicts.push_back(to_verdict(handler.name));
  }
  stored.otherwise = to_verdict(std::nullopt);
  return stored;
}

void drop_texts(const StoredNode& node, TextPool& pool) {
  for_each_text(node, [&](TextPool::Id id) { pool.drop(id); });
}

}  // namespace webhook
