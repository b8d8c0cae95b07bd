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

bool is_proven(const Candidate& candidate) { return candidate.is_proven; }
bool is_unproven(const Candidate& candidate) { return !candidate.is_proven; }

/// How many of the candidates that `counts` holds for each group has.
template <class Counts>
class GroupSizes {
 public:
  GroupSizes(const std::vector<Candidate>& candidates, Counts counts) {
    for (const Candidate& candidate : candidates) {
      if (counts(candidate)) largest_ = std::max(largest_, ++sizes_[candidate.group]);
    }
  }
  [[nodiscard]] std::size_t largest() const { return largest_; }
  [[nodiscard]] bool is_largest(const PeerGroup& group) const {
    return sizes_.at(group) == largest_;
  }

 private:
  std::unordered_map<PeerGroup, std::size_t, Hash> sizes_;
  std::size_t largest_ = 0;
};

/// The one that goes before all others of those that `may_go` holds for.
template <class MayGo, class Before>
std::optional<Candidate> choose_first(const std::vector<Candidate>& candidates, MayGo may_go,
                                      Before before) {
  const Candidate* victim = nullptr;
  for (const Candidate& candidate : candidates) {
    if (may_go(candidate) && (victim == nullptr || before(candidate, *victim))) victim = &candidate;
  }
  return victim == nullptr ? std::nullopt : std::optional(*victim);
}

/// Of the largest groups among those that `counts` holds for, if they have more than `safe`: the
/// first to go that was accepted by `latest`.
template <class Counts>
std::optional<Candidate> choose_of_largest_group(const std::vector<Candidate>& candidates,
                                                 Counts counts, std::size_t safe,
                                                 TimePoint latest) {
  const GroupSizes sizes(candidates, counts);
  if (sizes.largest() <= safe) return std::nullopt;
  const auto may_go = [&](const Candidate& candidate) {
    return counts(candidate) && candidate.accepted <= latest && sizes.is_largest(candidate.group);
  };
  return choose_first(candidates, may_go, goes_first);
}

/// Of those that are not proven, and of the largest group if it is a large one: who came first,
/// whatever it has done since, so that each has as long.
std::optional<Candidate> choose_by_age(const std::vector<Candidate>& candidates) {
  const GroupSizes sizes(candidates, is_unproven);
  const bool is_of_one_group = sizes.largest() > kSafeConnections;
  const auto may_go = [&](const Candidate& candidate) {
    return is_unproven(candidate) && (!is_of_one_group || sizes.is_largest(candidate.group));
  };
  return choose_first(candidates, may_go, [](const Candidate& a, const Candidate& b) {
    return a.accepted < b.accepted;
  });
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
  if (auto victim = choose_of_largest_group(candidates, is_unproven, 0, latest)) return victim;
  if (auto victim = choose_of_largest_group(candidates, is_proven, kSafeConnections, latest)) {
    return victim;
  }
  return rule.displaces_young ? choose_by_age(candidates) : std::nullopt;
}

}  // namespace webhook
