#include "cli/tally.h"

#include <algorithm>
#include <numeric>

#include "yaml/manifest.h"

namespace webhook {
namespace {

std::string to_count(std::size_t count, const std::string& what) {
  return (count == 0 ? "no" : std::to_string(count)) + ' ' + what + (count == 1 ? "" : "s");
}

/// "1 unchanged (opted_out)"
std::string to_words(Outcome outcome, Reason reason) {
  return std::string(to_string(outcome)) + " (" + std::string(to_string(reason)) + ')';
}

}  // namespace

void Tally::add_pod(const std::string& name, Outcome outcome, Reason reason) {
  pods_.push_back({name, outcome, reason});
}

std::string Tally::to_line() const {
  const auto add = [](std::size_t sum, const auto& kind) { return sum + kind.second; };
  const std::size_t objects = std::accumulate(kinds_.begin(), kinds_.end(), std::size_t{0}, add);
  std::string line = to_count(objects, "object") + ", " + to_count(pods_.size(), "pod") + ": ";
  if (pods_.empty()) {
    const char* comma = "";
    for (const auto& [kind, count] : kinds_) {
      line.append(comma).append(std::to_string(count)).append(" ").append(kind);
      comma = ", ";
    }
    return line + " (expected " + kinds_with_pods() + ", for there to be something to decide)";
  }
  std::size_t sandboxed = 0;
  std::map<std::string, std::size_t> left;
  for (const Pod& pod : pods_) {
    if (pod.outcome == Outcome::kSandboxed) {
      ++sandboxed;
    } else {
      ++left[to_words(pod.outcome, pod.reason)];
    }
  }
  line += std::to_string(sandboxed) + " sandboxed";
  if (left.empty()) return line;
  line += ", " + std::to_string(pods_.size() - sandboxed) + " left: ";
  const char* comma = "";
  for (const auto& [words, count] : left) {
    line.append(comma).append(std::to_string(count)).append(" ").append(words);
    comma = ", ";
  }
  return line;
}

std::string Tally::find(const std::vector<std::string>& outcomes) const {
  std::string found;
  for (const Pod& pod : pods_) {
    if (std::find(outcomes.begin(), outcomes.end(), to_string(pod.outcome)) == outcomes.end()) {
      continue;
    }
    found += (found.empty() ? "" : ", ") + pod.name + " is " + to_words(pod.outcome, pod.reason);
  }
  return found;
}

}  // namespace webhook
