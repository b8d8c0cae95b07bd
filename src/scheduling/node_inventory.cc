#include "scheduling/node_inventory.h"

#include <algorithm>
#include <set>
#include <utility>

#include "scheduling/node_snapshot.h"
#include "scheduling/stored_node.h"
#include "scheduling/text_pool.h"

namespace webhook {

struct NodeInventory::State {
  TextPool texts;
  NodeSnapshot::Nodes nodes;
  NodeSnapshot::RuntimeClasses runtime_classes;
  NodeCounts counts;
  std::shared_ptr<const NodeSnapshot> latest;  ///< Null where something has changed since.

  bool is_listing = false;
  bool has_changed_in_list = false;
  std::set<std::string, std::less<>> not_listed;  ///< Of those that were there as the list began.

  /// Says that something has changed; true, for whoever tells that on.
  bool note_change() {
    latest = nullptr;
    has_changed_in_list = true;
    return true;
  }

  void count(const StoredNode& node, bool is_there) {
    // As a pod without a RuntimeClass is told: by the handler without a name.
    const auto unnamed =
        std::find_if(node.verdicts.begin(), node.verdicts.end(),
                     [&](const auto& each) { return texts.text(each.handler).empty(); });
    const NodeState state = unnamed == node.verdicts.end() ? node.otherwise.state : unnamed->state;
    std::size_t& to = state == NodeState::kGood  ? counts.good
                      : state == NodeState::kBad ? counts.bad
                                                 : counts.unknown;
    is_there ? ++to : --to;
  }

  void erase(NodeSnapshot::Nodes::iterator node) {
    count(node->second, false);
    drop_texts(node->second, texts);
    nodes.erase(node);
  }
};

NodeInventory::NodeInventory() : state_(std::make_unique<State>()) {}
NodeInventory::~NodeInventory() = default;

bool NodeInventory::put(const ClusterNode& node) {
  State& state = *state_;
  if (state.is_listing) state.not_listed.erase(node.name);
  StoredNode fresh = to_stored(node, state.texts);
  const auto found = state.nodes.find(node.name);
  if (found != state.nodes.end() && found->second == fresh) {
    drop_texts(fresh, state.texts);
    return false;
  }
  state.count(fresh, true);
  if (found == state.nodes.end()) {
    state.nodes.emplace(node.name, std::move(fresh));
  } else {
    state.count(found->second, false);
    drop_texts(std::exchange(found->second, std::move(fresh)), state.texts);
  }
  return state.note_change();
}

bool NodeInventory::remove(std::string_view name) {
  const auto found = state_->nodes.find(name);
  if (found == state_->nodes.end()) return false;
  state_->erase(found);
  return state_->note_change();
}

void NodeInventory::begin_list() {
  state_->is_listing = true;
  state_->has_changed_in_list = false;
  state_->not_listed.clear();
  for (const auto& [name, node] : state_->nodes) state_->not_listed.insert(name);
}

bool NodeInventory::end_list() {
  for (const std::string& name : std::exchange(state_->not_listed, {})) remove(name);
  state_->is_listing = false;
  return state_->has_changed_in_list;
}

bool NodeInventory::put(const RuntimeClass& runtime_class) {
  std::string& handler = state_->runtime_classes[runtime_class.name];
  // An API server takes no empty one, so that one that is new here differs.
  if (handler == runtime_class.handler) return false;
  handler = runtime_class.handler;
  return state_->note_change();
}

bool NodeInventory::remove_runtime_class(std::string_view name) {
  const auto found = state_->runtime_classes.find(name);
  if (found == state_->runtime_classes.end()) return false;
  state_->runtime_classes.erase(found);
  return state_->note_change();
}

bool NodeInventory::replace_runtime_classes(const std::vector<RuntimeClass>& classes) {
  NodeSnapshot::RuntimeClasses fresh;
  for (const RuntimeClass& each : classes) fresh[each.name] = each.handler;
  if (fresh == state_->runtime_classes) return false;
  state_->runtime_classes = std::move(fresh);
  return state_->note_change();
}

std::size_t NodeInventory::size() const { return state_->nodes.size(); }

NodeCounts NodeInventory::counts() const { return state_->counts; }

std::shared_ptr<const NodeSnapshot> NodeInventory::snapshot() {
  if (!state_->latest) {
    state_->latest =
        std::make_shared<const NodeSnapshot>(state_->nodes, state_->texts, state_->runtime_classes);
  }
  return state_->latest;
}

}  // namespace webhook
