#include "kube/cluster_version.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace webhook {
namespace {

constexpr const char* kDrops =
    "the API server drops hostUsers or procMount: no pod is sandboxed (expected feature gates "
    "UserNamespacesSupport and ProcMountType on)";
constexpr const char* kKeeps = "the API server keeps hostUsers and procMount";

/// In quotes, and without what could forge a line.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string describe(const ApiServers& servers, KubeVersion minimum) {
  if (!servers.differ(minimum)) return {};
  const std::string how =
      servers.oldest.version == servers.newest
          ? "some drop hostUsers or procMount, some keep them"
          : "from " + to_string(servers.oldest.version) + " to " + to_string(servers.newest) +
                (servers.probes_differ ? ", and not all keep hostUsers and procMount" : "");
  return "API servers differ: " + how +
         "; until they agree, pods that depend on which one they meet are denied";
}

}  // namespace

ClusterVersionSource::ClusterVersionSource(const ClusterVersion& fixed)
    : servers_(ApiServers{.oldest = fixed, .newest = fixed.version}),
      answers_(std::chrono::milliseconds(0)) {}

ClusterVersionSource::ClusterVersionSource(Ask ask, Options options)
    : ask_(std::move(ask)),
      options_(std::move(options)),
      answers_(options_.refresh_interval * kAnswers),
      retry_delay_(std::min(options_.first_retry, options_.refresh_interval)) {}

ClusterVersionSource::~ClusterVersionSource() = default;

void ClusterVersionSource::start() {
  if (!ask_) return;
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
  if (!ask_) return options_.refresh_interval;
  for (int asked = 0; asked == 0 || (asked < kAnswers && answers_.size() < kAnswers); ++asked) {
    const auto answer = ask_(stop);
    if (stop.stop_requested()) return options_.refresh_interval;  // a cut call says nothing
    if (!answer) {
      // What was seen until now may be a danger, and is no less true.
      if (asked > 0 && servers()) publish();
      if (asked > 0) retry_delay_ = std::min(options_.first_retry, options_.refresh_interval);
      return note_failure(answer.error().message);
    }
    answers_.add(options_.now(), *answer);
    note_probe(*answer);
  }
  publish();
  if (std::exchange(is_away_, false)) {
    options_.on_log(false, "cluster version: the API server answers again");
  }
  return options_.refresh_interval;
}

void ClusterVersionSource::note_probe(const ApiServerAnswer& answer) {
  const bool is_news = probe_failure_.empty() && !answer.probe_failure.empty();
  if (is_news) options_.on_log(true, "sandbox probe: " + answer.probe_failure);
  if (answer.drops || !answer.probe_failure.empty()) probe_failure_ = answer.probe_failure;
}

void ClusterVersionSource::publish() {
  const auto before = this->servers();
  const ApiServers now = *answers_.servers();
  {
    const std::lock_guard lock(mutex_);
    servers_ = now;
    answered_at_ = options_.now();
  }
  note_changes(before, now);
}

/// Said once it is so: who reads the log may ask at once.
void ClusterVersionSource::note_changes(const std::optional<ApiServers>& before,
                                        const ApiServers& now) {
  if (!before || before->oldest != now.oldest) {
    options_.on_log(false, "cluster version: " + to_string(now.oldest.version) + " (" +
                               quoted(now.oldest.git_version) + ')');
  }
  if (now.drops && (!before || before->drops != now.drops)) {
    options_.on_log(*now.drops, std::string("sandbox probe: ") + (*now.drops ? kDrops : kKeeps));
  }
  const std::string differences = describe(now, options_.minimum());
  if (std::exchange(did_differ_, !differences.empty()) == !differences.empty()) return;
  options_.on_log(did_differ_, "cluster version: " +
                                   (did_differ_ ? differences : "the API servers agree again"));
}

std::chrono::milliseconds ClusterVersionSource::note_failure(const std::string& why) {
  const auto known = current();
  if (!std::exchange(is_away_, true)) {
    options_.on_log(true, "cluster version: " + why + " (" +
                              (known ? "keeping " + to_string(known->version) : "not known yet") +
                              ')');
  }
  if (known) return options_.refresh_interval;
  return std::exchange(retry_delay_, std::min(retry_delay_ * 2, options_.refresh_interval));
}

std::optional<ApiServers> ClusterVersionSource::servers() const {
  const std::lock_guard lock(mutex_);
  return servers_;
}

std::optional<ClusterVersion> ClusterVersionSource::current() const {
  const auto known = servers();
  return known ? std::optional(known->oldest) : std::nullopt;
}

std::optional<std::chrono::duration<double>> ClusterVersionSource::age() const {
  const std::lock_guard lock(mutex_);
  if (!servers_) return std::nullopt;
  if (!ask_) return std::chrono::duration<double>(0);
  return options_.now() - answered_at_;
}

std::string ClusterVersionSource::differences() const {
  const auto known = servers();
  return known && ask_ ? describe(*known, options_.minimum()) : "";
}

std::string ClusterVersionSource::probe_summary() const {
  if (!ask_) return {};
  const ApiServers known = servers().value_or(ApiServers{});
  std::string text = known.probe_failure.empty() ? "not asked" : "not known";
  if (known.drops) text = *known.drops ? kDrops : kKeeps;
  return known.probe_failure.empty() ? text : text + "; last asked in vain: " + known.probe_failure;
}

}  // namespace webhook
