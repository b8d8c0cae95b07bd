#include "http/eviction.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace webhook {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

struct Hash {
  std::size_t operator()(const PeerGroup& group) const {
    return std::hash<std::uint64_t>{}(group.bits) ^ static_cast<std::size_t>(group.is_ipv4);
  }
};

/// Whether `a` goes before `b`, of groups that are equally large.
bool goes_first(const Candidate& a, const Candidate& b) {
  return std::tuple(!a.is_unfinished, a.idle_since) < std::tuple(!b.is_unfinished, b.idle_since);
}

/// Of the largest groups among those that `counts` holds for, if they have more than `safe`: the
/// first to go that was accepted by `latest`.
template <class Counts>
std::optional<Candidate> choose_of_largest_group(const std::vector<Candidate>& candidates,
                                                 Counts counts, std::size_t safe,
                                                 TimePoint latest) {
  std::unordered_map<PeerGroup, std::size_t, Hash> sizes;
  std::size_t largest = 0;
  for (const Candidate& candidate : candidates) {
    if (counts(candidate)) largest = std::max(largest, ++sizes[candidate.group]);
  }
  if (largest <= safe) return std::nullopt;
  const Candidate* victim = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!counts(candidate) || candidate.accepted > latest) continue;
    if (sizes[candidate.group] < largest) continue;
    if (victim == nullptr || goes_first(candidate, *victim)) victim = &candidate;
  }
  return victim == nullptr ? std::nullopt : std::optional(*victim);
}

}  // namespace

std::optional<Candidate> choose_victim(const std::vector<Candidate>& candidates, TimePoint now,
                                       const EvictionRule& rule) {
  const TimePoint latest = now - rule.spared_age;
  if (rule.newcomer == Newcomer::kAlwaysGetsIn) {
    const auto everybody = [](const Candidate&) { return true; };
    const auto victim = choose_of_largest_group(candidates, everybody, 0, latest);
    return victim ? victim : choose_of_largest_group(candidates, everybody, 0, now);
  }
  const auto is_unproven = [](const Candidate& candidate) { return !candidate.is_proven; };
  const auto is_proven = [](const Candidate& candidate) { return candidate.is_proven; };
  const auto victim = choose_of_largest_group(candidates, is_unproven, 0, latest);
  return victim ? victim : choose_of_largest_group(candidates, is_proven, kSafeProven, latest);
}

}  // namespace webhook
