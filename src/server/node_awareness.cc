#include "server/node_awareness.h"

#include <chrono>
#include <random>
#include <utility>

namespace webhook {
namespace {

/// A snapshot of 5,000 nodes takes 15 ms: less than a hundredth of a core, however they change.
constexpr std::chrono::seconds kBetweenSnapshots{2};

std::function<double()> make_chance() {
  return [random = std::minstd_rand(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(random);
  };
}

std::string to_words(const NodeCounts& counts) {
  return std::to_string(counts.good) + " good, " + std::to_string(counts.bad) + " bad, " +
         std::to_string(counts.unknown) + " unknown";
}

}  // namespace

NodeAwareness::NodeAwareness(const KubeClient& client, Log on_log)
    : on_log_(std::move(on_log)),
      node_watch_(client.anew(), watch_options("/api/v1/nodes", node_receiver(), nodes_)),
      runtime_class_watch_(client.anew(),
                           watch_options("/apis/node.k8s.io/v1/runtimeclasses",
                                         runtime_class_receiver(), runtime_classes_)) {}

NodeAwareness::~NodeAwareness() = default;

void NodeAwareness::start() {
  node_watch_.start();
  runtime_class_watch_.start();
  publisher_ = std::jthread([this](const std::stop_token& stop) { publish(stop); });
}

CollectionWatch::Options NodeAwareness::watch_options(std::string collection,
                                                      WatchReceiver receiver, Followed& followed) {
  return {.collection = std::move(collection),
          .receiver = std::move(receiver),
          .chance = make_chance(),
          .on_failure = [this, &followed](
                            const std::string& why,
                            bool is_forbidden) { note_failure(followed, why, is_forbidden); },
          .on_success = [this, &followed] { note_success(followed); }};
}

void NodeAwareness::note_news() {
  if (!std::exchange(has_news_, true)) wake_.notify_all();
}

/// What could not be read has no name; the watch ends for it, and lists anew.
template <class Object>
ObjectReader NodeAwareness::reader(Object (*read)(const JsonValue&),
                                   bool (*keep)(NodeAwareness&, const Object&)) {
  return [this, read, keep](const JsonValue& json) {
    const Object object = read(json);
    const std::lock_guard lock(mutex_);
    if (!object.name.empty() && keep(*this, object)) note_news();
  };
}

WatchReceiver NodeAwareness::node_receiver() {
  const auto put = reader<ClusterNode>(
      read_cluster_node, [](auto& self, const auto& node) { return self.inventory_.put(node); });
  const auto remove = reader<ClusterNode>(read_cluster_node, [](auto& self, const auto& node) {
    return self.inventory_.remove(node.name);
  });
  return {.begin =
              [this] {
                const std::lock_guard lock(mutex_);
                inventory_.begin_list();
              },
          .found = put,
          .complete =
              [this] {
                const std::lock_guard lock(mutex_);
                if (inventory_.end_list() || !nodes_.is_known) note_news();
                nodes_.is_known = true;
              },
          .changed = put,
          .deleted = remove};
}

WatchReceiver NodeAwareness::runtime_class_receiver() {
  const auto find =
      reader<RuntimeClass>(read_runtime_class, [](auto& self, const auto& runtime_class) {
        self.found_classes_.push_back(runtime_class);
        return false;  // it counts once the list is complete
      });
  const auto put = reader<RuntimeClass>(
      read_runtime_class,
      [](auto& self, const auto& runtime_class) { return self.inventory_.put(runtime_class); });
  const auto remove =
      reader<RuntimeClass>(read_runtime_class, [](auto& self, const auto& runtime_class) {
        return self.inventory_.remove_runtime_class(runtime_class.name);
      });
  return {.begin =
              [this] {
                const std::lock_guard lock(mutex_);
                found_classes_.clear();
              },
          .found = find,
          .complete =
              [this] {
                const std::lock_guard lock(mutex_);
                if (inventory_.replace_runtime_classes(found_classes_)) note_news();
                runtime_classes_.is_known = true;
              },
          .changed = put,
          .deleted = remove};
}

/// The first of a row is said, and what makes nodes unknown.
void NodeAwareness::note_failure(Followed& followed, const std::string& why, bool is_forbidden) {
  std::string line;
  {
    const std::lock_guard lock(mutex_);
    const bool is_lost = followed.is_known && is_forbidden;
    if (is_lost) {
      followed.is_known = false;
      note_news();
    }
    if (is_lost || followed.problem.empty()) {
      line = std::string(followed.name) +
             (followed.is_known ? ": stay as they were: " : ": not known: ") + why;
    }
    followed.problem = why;
  }
  if (!line.empty()) on_log_(true, line);
}

/// Pages of a list are no success until it is complete.
void NodeAwareness::note_success(Followed& followed) {
  {
    const std::lock_guard lock(mutex_);
    if (!followed.is_known || std::exchange(followed.problem, {}).empty()) return;
  }
  on_log_(false, std::string(followed.name) + ": the API server answers again");
}

void NodeAwareness::publish(const std::stop_token& stop) {
  bool was_known = false;
  for (;;) {
    Published fresh;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return has_news_; })) return;
      has_news_ = false;
      if (nodes_.is_known) fresh = {inventory_.snapshot(), inventory_.counts()};
    }
    const bool is_known = fresh.snapshot != nullptr;
    const std::string words = to_words(fresh.counts);
    {
      const std::lock_guard lock(published_mutex_);
      std::swap(published_, fresh);
    }
    // Said once it is so: who reads the log may ask at once.
    if (is_known && !was_known) on_log_(false, "nodes: known: " + words);
    was_known = is_known;
    // What was published before goes only after this: no review has to take it apart.
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, kBetweenSnapshots, [] { return false; });
  }
}

std::shared_ptr<const NodeSnapshot> NodeAwareness::snapshot() const {
  const std::lock_guard lock(published_mutex_);
  return published_.snapshot;
}

std::optional<NodeCounts> NodeAwareness::counts() const {
  const std::lock_guard lock(published_mutex_);
  return published_.snapshot ? std::optional(published_.counts) : std::nullopt;
}

std::string NodeAwareness::note() const {
  const auto known = counts();
  std::string words = known ? to_words(*known) : "not known";
  const std::lock_guard lock(mutex_);
  for (const Followed* each : {&nodes_, &runtime_classes_}) {
    if (!each->problem.empty()) words += "; " + std::string(each->name) + ": " + each->problem;
  }
  return words;
}

}  // namespace webhook
