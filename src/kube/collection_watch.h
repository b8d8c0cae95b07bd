#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/json_parser.h"
#include "kube/client.h"
#include "kube/watch_reading.h"
#include "kube/watch_steps.h"

namespace webhook {

/// Who keeps what a collection has. Its functions are called on the watch's thread, and keep no
/// JsonValue.
struct WatchReceiver {
  /// All is listed anew. What was known stays so until `complete`; what was found before does not
  /// count.
  std::function<void()> begin;
  ObjectReader found;
  /// What was found is all there is.
  std::function<void()> complete;
  ObjectReader changed;
  ObjectReader deleted;
};

/// Follows a collection of the API server, such as "/api/v1/nodes", through whatever watches meet,
/// by WatchSteps.
class CollectionWatch {
 public:
  /// A page and what it is parsed in are there at the same time, and so are a line of a watch and
  /// its parser. An object has up to 1.5 MiB, which is what etcd takes.
  static constexpr std::size_t kMaxPageBytes = std::size_t{16} << 20U;
  static constexpr std::size_t kMaxLineBytes = std::size_t{4} << 20U;
  struct Options {
    std::string collection;
    WatchReceiver receiver;
    std::size_t max_objects = 100'000;  ///< Of a list.
    std::function<double()> chance;     ///< From 0 up to 1.
    /// The last call has brought nothing: why. `is_forbidden`: for want of a right.
    std::function<void(const std::string& why, bool is_forbidden)> on_failure;
    /// A page or an event was read.
    std::function<void()> on_success;
  };

  CollectionWatch(KubeClient client, Options options);

  /// Stops, at once.
  ~CollectionWatch();
  CollectionWatch(const CollectionWatch&) = delete;
  CollectionWatch& operator=(const CollectionWatch&) = delete;

  /// Follows the collection on a thread of its own from now on.
  void start();

  /// Makes the next call on the caller's thread. Returns how long to wait before the one after it.
  std::chrono::milliseconds advance(const std::stop_token& stop = {});

 private:
  struct Ended {
    CallEnd end = CallEnd::kInOrder;
    std::string problem = {};  ///< Empty: an end that is part of every watch's life.
    bool is_forbidden = false;
  };

  void run(const std::stop_token& stop);
  Ended read_page(const std::string& path, const std::stop_token& stop);
  Ended read_events(const std::string& path, const std::stop_token& stop);
  [[nodiscard]] Ended ended_with(int status) const;
  [[nodiscard]] Ended refused(const std::string& why) const;

  const KubeClient client_;
  const Options options_;
  WatchSteps steps_;
  std::size_t objects_ = 0;  ///< Found in the list under way.

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  ///< Last: it uses all of the above.
};

}  // namespace webhook
