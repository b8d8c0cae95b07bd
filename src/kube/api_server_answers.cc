#include "kube/api_server_answers.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace webhook {

void ApiServerAnswers::add(Time now, ApiServerAnswer answer) {
  while (!answers_.empty() && answers_.front().time <= now - window_) answers_.pop_front();
  if (answer.drops) last_drops_ = answer.drops;
  answers_.push_back({now, std::move(answer)});
}

std::optional<ApiServers> ApiServerAnswers::servers() const {
  if (answers_.empty()) return std::nullopt;
  const ApiServerAnswer& last = answers_.back().answer;
  ApiServers servers{
      .oldest = last.version, .newest = last.version.version, .probe_failure = last.probe_failure};
  bool any_drops = false;
  bool any_keeps = false;
  for (const auto& [time, answer] : answers_) {
    // Of servers that differ in the patch number it is always the same one, whoever answered last.
    servers.oldest =
        std::min(servers.oldest, answer.version, [](const auto& one, const auto& other) {
          return std::tie(one.version, one.git_version) <
                 std::tie(other.version, other.git_version);
        });
    servers.newest = std::max(servers.newest, answer.version.version);
    any_drops = any_drops || answer.drops == true;
    any_keeps = any_keeps || answer.drops == false;
  }
  servers.drops = any_drops || any_keeps ? any_drops : last_drops_;
  servers.probes_differ = any_drops && any_keeps;
  return servers;
}

}  // namespace webhook
