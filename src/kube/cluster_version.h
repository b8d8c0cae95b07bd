#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/kube_version.h"
#include "base/result.h"

namespace webhook {

/// The cluster's version, as the API server last told it. While the API server is away the last
/// good answer stays: clusters do not go back, and admission must not depend on a second call.
///
/// current() and age() may be called from any thread; the rest from one.
class ClusterVersionSource {
 public:
  using Clock = std::chrono::steady_clock;

  /// The body of GET /version; returns soon after a stop is requested.
  using Fetch = std::function<Result<std::string>(std::stop_token)>;

  struct Options {
    std::chrono::milliseconds refresh_interval = std::chrono::minutes(1);
    std::chrono::milliseconds first_retry = std::chrono::seconds(1);  ///< Doubles up to the above.
    std::function<Clock::time_point()> now = Clock::now;
    /// Called with the first version and with every other one after it, before current() has it.
    std::function<void(const ClusterVersion&)> on_change = {};
  };

  /// A version that never changes and never ages.
  explicit ClusterVersionSource(ClusterVersion fixed);

  /// Knows nothing until the first refresh().
  ClusterVersionSource(Fetch fetch, Options options);

  /// Stops, and waits for a fetch that is under way.
  ~ClusterVersionSource();
  ClusterVersionSource(const ClusterVersionSource&) = delete;
  ClusterVersionSource& operator=(const ClusterVersionSource&) = delete;

  /// Refreshes on a thread of its own from now on. Without effect on a fixed version.
  void start();

  /// Asks once, on the caller's thread. Returns how long to wait before asking again.
  std::chrono::milliseconds refresh(const std::stop_token& stop = {});

  /// Nothing as long as no answer has come.
  [[nodiscard]] std::optional<ClusterVersion> current() const;

  /// Time since the last good answer; nothing as long as none has come.
  [[nodiscard]] std::optional<std::chrono::duration<double>> age() const;

 private:
  void run(const std::stop_token& stop);
  void keep(const ClusterVersion& answer);
  std::chrono::milliseconds note_failure(const std::string& why);

  Fetch fetch_;  ///< Empty: the version is fixed.
  Options options_;

  mutable std::mutex mutex_;  ///< Guards the next two; held for a copy only.
  std::optional<ClusterVersion> current_;
  Clock::time_point answered_at_;

  // Of the thread that refreshes.
  std::chrono::milliseconds retry_delay_;
  bool is_away_ = false;

  std::condition_variable_any wake_;
  std::jthread thread_;  ///< Last: it uses all of the above.
};

}  // namespace webhook
