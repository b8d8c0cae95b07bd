#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "kube/client.h"
#include "kube/collection_watch.h"
#include "scheduling/node_inventory.h"

namespace webhook {

class NodeSnapshot;

/// What is known of the cluster's nodes, by a watch of Nodes and one of RuntimeClasses, each on a
/// thread of its own: a watch is a call that waits. What they tell is seen at once, and what comes
/// within two seconds after that is seen together: a snapshot of many nodes takes milliseconds.
class NodeAwareness {
 public:
  /// A line for the log.
  using Log = std::function<void(bool is_warning, const std::string&)>;

  NodeAwareness(const KubeClient& client, Log on_log);
  /// Stops, at once.
  ~NodeAwareness();
  NodeAwareness(const NodeAwareness&) = delete;
  NodeAwareness& operator=(const NodeAwareness&) = delete;

  void start();

  // From any thread:

  /// Null while nodes are not known: they were never all listed, or there is no right to. While the
  /// API server is away they are as they were.
  [[nodiscard]] std::shared_ptr<const NodeSnapshot> snapshot() const;
  /// None while they are not known.
  [[nodiscard]] std::optional<NodeCounts> counts() const;
  /// The state in words, for /readyz?verbose.
  [[nodiscard]] std::string note() const;

 private:
  /// How it goes with a collection.
  struct Followed {
    std::string_view name;
    bool is_known = false;
    std::string problem = {};  ///< Of the last call that brought nothing; empty after one that did.
  };

  struct Published {
    std::shared_ptr<const NodeSnapshot> snapshot;  ///< Null: not known.
    NodeCounts counts;
  };

  /// Reads an object and hands it to `keep`, which returns whether that has changed anything.
  template <class Object>
  ObjectReader reader(Object (*read)(const JsonValue&),
                      bool (*keep)(NodeAwareness&, const Object&));
  WatchReceiver node_receiver();
  WatchReceiver runtime_class_receiver();
  CollectionWatch::Options watch_options(std::string collection, WatchReceiver receiver,
                                         Followed& followed);
  void note_failure(Followed& followed, const std::string& why, bool is_forbidden);
  void note_success(Followed& followed);
  void note_news();
  void publish(const std::stop_token& stop);

  const Log on_log_;

  mutable std::mutex mutex_;  ///< Of all but the threads.
  NodeInventory inventory_;
  std::vector<RuntimeClass> found_classes_;  ///< In the list under way.
  Followed nodes_{.name = "nodes"};
  Followed runtime_classes_{.name = "RuntimeClasses"};
  bool has_news_ = false;  ///< What is published is not what is known.
  std::condition_variable_any wake_;

  mutable std::mutex published_mutex_;  ///< Held for a copy only: no review waits for a watch.
  Published published_;

  // Last: they use all of the above.
  CollectionWatch node_watch_;
  CollectionWatch runtime_class_watch_;
  std::jthread publisher_;
};

}  // namespace webhook
