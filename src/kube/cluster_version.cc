#include "kube/cluster_version.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace webhook {

ClusterVersionSource::ClusterVersionSource(ClusterVersion fixed) : current_(std::move(fixed)) {}

ClusterVersionSource::ClusterVersionSource(Fetch fetch, Options options)
    : fetch_(std::move(fetch)),
      options_(std::move(options)),
      retry_delay_(std::min(options_.first_retry, options_.refresh_interval)) {}

ClusterVersionSource::~ClusterVersionSource() = default;

void ClusterVersionSource::start() {
  if (!fetch_) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void ClusterVersionSource::run(const std::stop_token& stop) {
  std::mutex waiting;
  while (!stop.stop_requested()) {
    const auto delay = refresh(stop);
    std::unique_lock lock(waiting);
    // Nothing but a stop ends the wait early.
    wake_.wait_for(lock, stop, delay, [] { return false; });
  }
}

std::chrono::milliseconds ClusterVersionSource::refresh(const std::stop_token& stop) {
  if (!fetch_) return options_.refresh_interval;
  const auto body = fetch_(stop);
  if (stop.stop_requested()) return options_.refresh_interval;  // a cut call says nothing
  if (!body) return note_failure(body.error().message);
  const auto answer = parse_version_info(*body);
  if (!answer) return note_failure(answer.error().message);
  keep(*answer);
  return options_.refresh_interval;
}

void ClusterVersionSource::keep(const ClusterVersion& answer) {
  const bool is_new = current() != answer;
  if (is_new && options_.on_change) options_.on_change(answer);
  {
    const std::lock_guard lock(mutex_);
    current_ = answer;
    answered_at_ = options_.now();
  }
  // Said once it is so: who reads the log may ask at once.
  if (is_new) {
    spdlog::info("cluster version: {} ({:?})", to_string(answer.version), answer.git_version);
  }
  if (is_away_) spdlog::info("cluster version: the API server answers again");
  is_away_ = false;
}

std::chrono::milliseconds ClusterVersionSource::note_failure(const std::string& why) {
  const auto known = current();
  if (!std::exchange(is_away_, true)) {
    spdlog::warn("cluster version: {} ({})", why,
                 known ? "keeping " + to_string(known->version) : "not known yet");
  }
  if (known) return options_.refresh_interval;
  return std::exchange(retry_delay_, std::min(retry_delay_ * 2, options_.refresh_interval));
}

std::optional<ClusterVersion> ClusterVersionSource::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::optional<std::chrono::duration<double>> ClusterVersionSource::age() const {
  const std::lock_guard lock(mutex_);
  if (!current_) return std::nullopt;
  if (!fetch_) return std::chrono::duration<double>(0);
  return options_.now() - answered_at_;
}

}  // namespace webhook
