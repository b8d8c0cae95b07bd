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
#include "kube/api_server_answers.h"

namespace webhook {

/// The cluster's version, and whether it keeps the sandbox, by what its API servers told in the
/// last ten intervals. While they are away the last good answers stay: admission must not depend on
/// a second call.
///
/// servers(), current(), age(), differences() and probe_summary() may be called from any thread;
/// the rest from one.
class ClusterVersionSource {
 public:
  using Clock = std::chrono::steady_clock;

  /// Asks whichever API server answers a new connection; returns soon after a stop is requested.
  using Ask = std::function<Result<ApiServerAnswer>(std::stop_token)>;

  /// So many answers make up the picture: one of three API servers is missed by them 2 times in
  /// 100.
  static constexpr int kAnswers = 10;

  struct Options {
    std::chrono::milliseconds refresh_interval = std::chrono::minutes(1);
    std::chrono::milliseconds first_retry = std::chrono::seconds(1);  ///< Doubles up to the above.
    std::function<Clock::time_point()> now = Clock::now;
    /// What the sandbox needs: whether servers differ depends on it.
    std::function<KubeVersion()> minimum = [] { return KubeVersion{1, 33}; };
    /// A line for the log, without what could forge another.
    std::function<void(bool is_warning, const std::string&)> on_log = [](bool, const auto&) {};
  };

  /// A version that never changes and never ages.
  explicit ClusterVersionSource(const ClusterVersion& fixed);

  /// Knows nothing until the first refresh().
  ClusterVersionSource(Ask ask, Options options);

  /// Stops, and waits for a question that is under way.
  ~ClusterVersionSource();
  ClusterVersionSource(const ClusterVersionSource&) = delete;
  ClusterVersionSource& operator=(const ClusterVersionSource&) = delete;

  /// Refreshes on a thread of its own from now on. Without effect on a fixed version.
  void start();

  /// Asks on the caller's thread: once, and on until the last ten intervals have kAnswers. What it
  /// was told counts when all of them have come. Returns how long to wait before the next time.
  std::chrono::milliseconds refresh(const std::stop_token& stop = {});

  /// Nothing as long as not enough answers have come.
  [[nodiscard]] std::optional<ApiServers> servers() const;

  /// The version to decide by: that of the oldest server.
  [[nodiscard]] std::optional<ClusterVersion> current() const;

  /// Time since the last good answer; nothing as long as not enough have come.
  [[nodiscard]] std::optional<std::chrono::duration<double>> age() const;

  /// For /readyz?verbose: how the servers differ, and what comes of it; empty while they do not.
  [[nodiscard]] std::string differences() const;

  /// For /readyz?verbose: what the probe saw; empty where the version is fixed.
  [[nodiscard]] std::string probe_summary() const;

 private:
  void run(const std::stop_token& stop);
  void publish();
  void note_probe(const ApiServerAnswer& answer);
  void note_changes(const std::optional<ApiServers>& before, const ApiServers& now);
  std::chrono::milliseconds note_failure(const std::string& why);

  Ask ask_;  ///< Empty: the version is fixed.
  Options options_;

  mutable std::mutex mutex_;  ///< Guards the next two; held for a copy only.
  std::optional<ApiServers> servers_;
  Clock::time_point answered_at_;

  // Of the thread that refreshes.
  ApiServerAnswers answers_;
  std::chrono::milliseconds retry_delay_;
  bool is_away_ = false;
  std::string probe_failure_;  ///< That was logged; empty once a probe is answered.
  bool did_differ_ = false;

  std::condition_variable_any wake_;
  std::jthread thread_;  ///< Last: it uses all of the above.
};

}  // namespace webhook
