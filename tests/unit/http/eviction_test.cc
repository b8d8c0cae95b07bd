#include "http/eviction.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace webhook {
namespace {

using namespace std::chrono_literals;
using TimePoint = std::chrono::steady_clock::time_point;

constexpr TimePoint kNow{1h};

constexpr PeerGroup ipv4(std::uint64_t address) { return {.is_ipv4 = true, .bits = address}; }

/// A connection that is older than what is spared.
Candidate make(std::uint64_t id, std::uint64_t address, std::chrono::milliseconds idle = 2s) {
  return {.id = id, .group = ipv4(address), .accepted = kNow - 1min, .idle_since = kNow - idle};
}
Candidate proven(Candidate candidate) {
  candidate.is_proven = true;
  return candidate;
}
Candidate unfinished(Candidate candidate) {
  candidate.is_unfinished = true;
  return candidate;
}
Candidate young(Candidate candidate, std::chrono::milliseconds age = 999ms) {
  candidate.accepted = kNow - age;
  return candidate;
}

/// `count` connections of one address; their ids count from `id`.
std::vector<Candidate> group_of(std::size_t count, const Candidate& like) {
  std::vector<Candidate> group(count, like);
  for (std::size_t i = 0; i < count; ++i) group[i].id += i;
  return group;
}

std::vector<Candidate> operator+(std::vector<Candidate> a, const std::vector<Candidate>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_CASE("who gives way") {
  struct Row {
    const char* what;
    std::vector<Candidate> candidates;
    std::uint64_t api;    ///< The victim's id on the listener of API servers; 0: none.
    std::uint64_t probe;  ///< On that of probes.
  };
  const std::vector<Row> rows{
      {"nobody of nobody", {}, 0, 0},
      {"the only one", {make(1, 1)}, 1, 1},
      {"the longest idle", {make(1, 1, 3s), make(2, 1, 5s), make(3, 1, 4s)}, 2, 2},
      {"an unfinished one before the longest idle",
       {make(1, 1, 9s), unfinished(make(2, 1, 3s)), unfinished(make(3, 1, 4s))},
       3,
       3},
      {"one of the largest group, whatever the others do",
       {unfinished(make(1, 1, 9s)), make(2, 2, 1s), make(3, 2, 3s)},
       3,
       3},
      {"of groups that are equally large, as of one",
       {make(1, 1, 9s), unfinished(make(2, 2, 3s)), unfinished(make(3, 3, 4s))},
       3,
       3},
      {"of the young who came first, whatever it has done since",
       {young(unfinished(make(1, 1)), 900ms), young(make(2, 1, 3s)), young(make(3, 2), 998ms)},
       2,
       1},
      {"the first who is no longer young", {young(make(1, 1, 9s)), make(2, 1, 0s)}, 2, 2},
      {"who came first of all, while the largest group is young",
       {make(1, 1, 9s), young(make(2, 2)), young(make(3, 2))},
       1,
       2},
      {"no young one of a smaller group beside 129 young ones",
       std::vector{young(make(1, 1))} + group_of(129, young(make(2, 2), 500ms)), 2, 2},
      {"who came first of all beside 128 young ones",
       std::vector{young(make(1, 1))} + group_of(128, young(make(2, 2), 500ms)), 1, 2},
      {"no young one who is proven", {young(proven(make(1, 1)))}, 0, 1},
      {"not who is proven", {proven(make(1, 1, 9s)), make(2, 1)}, 2, 1},
      {"nobody, where all are proven", {proven(make(1, 1, 9s)), proven(make(2, 1))}, 0, 1},
      {"a group counts by those that are not proven",
       {proven(make(1, 1)), proven(make(2, 1)), make(3, 1), make(4, 2), make(5, 2, 3s)},
       5,
       1},
      {"nobody of 128 proven ones", group_of(128, proven(make(1, 1))), 0, 1},
      {"the first to go of 129 proven ones",
       group_of(127, proven(make(1, 1))) +
           std::vector{proven(make(200, 1, 9s)), unfinished(proven(make(201, 1)))},
       201, 201},
      {"no proven one while another can go",
       group_of(129, proven(make(1, 1, 9s))) + std::vector{make(200, 2)}, 200, 1},
      {"a proven one where all others are young",
       group_of(129, proven(make(1, 1, 9s))) + std::vector{young(make(200, 2))}, 1, 1},
      {"no young one of 129 proven ones", group_of(129, young(proven(make(1, 1)))), 0, 1},
      {"129 proven ones of two addresses are safe",
       group_of(65, proven(make(1, 1))) + group_of(64, proven(make(100, 2))), 0, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto api = choose_victim(row.candidates, kNow, {Newcomer::kMayBeRefused});
    const auto probe = choose_victim(row.candidates, kNow, {Newcomer::kAlwaysGetsIn});
    const auto old =
        choose_victim(row.candidates, kNow, {.spared_age = 1s, .displaces_young = false});
    CHECK((!old || (old == api && old->accepted <= kNow - 1s)));
    CHECK((api ? api->id : 0) == row.api);
    CHECK((probe ? probe->id : 0) == row.probe);
  }
}

/// A listener at its limit, in simulated time: API servers that keep connections and open more, and
/// attackers that open all they can.
class Simulation {
 public:
  static constexpr std::size_t kLimit = 300;

  explicit Simulation(Newcomer newcomer = Newcomer::kMayBeRefused) : newcomer_(newcomer) {}

  /// Its id. None: it was refused.
  std::optional<std::uint64_t> open(const PeerGroup& group, bool is_unfinished) {
    if (open_.size() >= kLimit) {
      const auto victim = choose_victim(open_, now_, {newcomer_});
      if (!victim) return std::nullopt;
      if (victim->is_proven) ++proven_lost_;
      open_.erase(std::find(open_.begin(), open_.end(), *victim));
    }
    open_.push_back({.id = next_id_++,
                     .group = group,
                     .is_unfinished = is_unfinished,
                     .accepted = now_,
                     .idle_since = now_});
    return open_.back().id;
  }

  /// A review came over the connection that was opened last, and was answered 200.
  void prove_last() { open_.back().is_proven = true; }

  /// The same, over connection `id`. False: it gave way before.
  bool prove(std::uint64_t id) {
    const auto found = std::find_if(open_.begin(), open_.end(),
                                    [&](const Candidate& each) { return each.id == id; });
    if (found == open_.end()) return false;
    found->is_proven = true;
    found->is_unfinished = false;
    return true;
  }

  /// An attacker closes the oldest of its own.
  void close_some_of_attackers(bool is_behind_nat, std::size_t count) {
    std::erase_if(open_, [&](const Candidate& each) {
      const bool is_attackers = is_behind_nat ? !each.is_proven : each.group.bits >= 1000;
      return is_attackers && count > 0 && count-- > 0;
    });
  }

  void close_all_of(const PeerGroup& group) {
    std::erase_if(open_, [&](const Candidate& candidate) { return candidate.group == group; });
  }

  void pass(std::chrono::milliseconds time) { now_ += time; }
  [[nodiscard]] std::size_t proven_lost() const { return proven_lost_; }
  [[nodiscard]] std::size_t count(const PeerGroup& group) const {
    return static_cast<std::size_t>(
        std::count_if(open_.begin(), open_.end(),
                      [&](const Candidate& candidate) { return candidate.group == group; }));
  }

 private:
  const Newcomer newcomer_;
  TimePoint now_ = kNow;
  std::uint64_t next_id_ = 1;
  std::vector<Candidate> open_;
  std::size_t proven_lost_ = 0;
};

struct Attack {
  const char* what;
  std::uint64_t addresses;  ///< That the attacker has; 1000 and on.
  bool is_behind_nat;       ///< The attacker's only address is that of the API servers.
  bool is_ipv6;
  bool is_unfinished;  ///< Else its connections are idle.
};

const std::vector<Attack> kAttacks{
    {"one address, idle", 1, false, false, false},
    {"one address, unfinished", 1, false, false, true},
    {"many addresses, idle", 1'000'000, false, false, false},
    {"many addresses, unfinished", 1'000'000, false, false, true},
    {"an IPv6 /64, idle", 1, false, true, false},
    {"an IPv6 /64, unfinished", 1, false, true, true},
    {"behind one NAT with the API servers, idle", 1, true, false, false},
    {"behind one NAT with the API servers, unfinished", 1, true, false, true},
};

PeerGroup attacker(const Attack& attack, std::uint64_t number) {
  if (attack.is_behind_nat) return ipv4(1);
  return {.is_ipv4 = !attack.is_ipv6, .bits = 1000 + number % attack.addresses};
}

void open_proven(Simulation& server, const PeerGroup& group, int count) {
  for (int i = 0; i < count; ++i) {
    REQUIRE(server.open(group, false));
    server.prove_last();
  }
}

TEST_CASE("connections of API servers outlive every attack, and new ones get in") {
  for (const Attack& attack : kAttacks) {
    CAPTURE(attack.what);
    Simulation server;
    const auto api_server = [&](std::uint64_t number) {
      return ipv4(attack.is_behind_nat ? 1 : 1 + number % 3);
    };
    for (std::uint64_t number = 0; number < 75; ++number) {
      REQUIRE(server.open(api_server(number), false));
      server.prove_last();
    }
    std::uint64_t refused = 0;
    // 200 newcomers a second, for 10 s: less than all places turn over, so that some are old.
    for (std::uint64_t number = 0; number < 1'000; ++number) {
      server.pass(5ms);
      server.open(attacker(attack, number), attack.is_unfinished);
      if (number % 100 != 99) continue;
      // An API server opens one more, and its review comes at once.
      if (server.open(api_server(number), false)) {
        server.prove_last();
      } else {
        ++refused;
      }
    }
    CHECK(server.proven_lost() == 0);
    CHECK(refused == 0);
  }
}

TEST_CASE("a flood displaces nobody who is proven, and is displaced itself when it pauses") {
  for (const Attack& attack : kAttacks) {
    CAPTURE(attack.what);
    Simulation server;
    open_proven(server, ipv4(1), 75);
    // 1,000 newcomers a second: all places turn over in less.
    for (std::uint64_t number = 0; number < 1'500; ++number) {
      server.pass(1ms);
      server.open(attacker(attack, number), attack.is_unfinished);
    }
    CHECK(server.proven_lost() == 0);
    server.pass(1s);
    CHECK(server.open(ipv4(2), false));
    CHECK(server.proven_lost() == 0);
  }
}

TEST_CASE("who opens and closes as fast as it can turns nobody away, and has nobody cut off") {
  for (const Attack& attack : kAttacks) {
    CAPTURE(attack.what);
    Simulation server;
    open_proven(server, ipv4(1), 75);
    const auto churn = [&](std::uint64_t number) {
      server.pass(1ms);
      for (std::uint64_t i = 0; i < 3; ++i)
        server.open(attacker(attack, 3 * number + i), attack.is_unfinished);
      if (number % 50 == 0) server.close_some_of_attackers(attack.is_behind_nat, 30);
    };
    std::uint64_t number = 0;
    for (; number < 1'000; ++number) churn(number);  // each place was taken ten times
    std::uint64_t refused = 0;
    std::uint64_t cut_off = 0;
    for (std::uint64_t newcomer = 0; newcomer < 50; ++newcomer) {
      const auto id = server.open(ipv4(attack.is_behind_nat ? 1 : 2), true);
      if (!id) {
        ++refused;
        continue;
      }
      // Its handshake and its first review take 20 ms.
      for (const auto end = number + 20; number < end; ++number) churn(number);
      if (!server.prove(*id)) ++cut_off;
    }
    CHECK(refused == 0);
    CHECK(cut_off == 0);
    CHECK(server.proven_lost() == 0);
  }
}

TEST_CASE("an attacker that sends good reviews keeps 128 connections of a group, at most") {
  Simulation server;
  for (std::uint64_t number = 0; number < 25; ++number) {
    REQUIRE(server.open(ipv4(1), false));
    server.prove_last();
  }
  for (std::uint64_t number = 0; number < Simulation::kLimit; ++number) {
    REQUIRE(server.open(ipv4(1000), false));
    server.prove_last();
    server.pass(10ms);
  }
  for (std::uint64_t number = 0; number < 300; ++number) {
    CHECK(server.open(ipv4(2), false));
    server.prove_last();
    server.pass(10ms);
  }
  CHECK(server.count(ipv4(1)) == 25);
  CHECK(server.count(ipv4(1000)) >= 128);
}

TEST_CASE("a probe always gets in, and stays until it has been answered") {
  for (const Attack& attack : kAttacks) {
    if (attack.is_behind_nat) continue;
    CAPTURE(attack.what);
    Simulation server(Newcomer::kAlwaysGetsIn);
    const PeerGroup kubelet = ipv4(1);
    for (std::uint64_t number = 0; number < 1'000; ++number) {
      server.pass(1ms);
      CHECK(server.open(attacker(attack, number), attack.is_unfinished));
      if (number % 100 != 0) continue;
      CHECK(server.open(kubelet, false));
      for (int during = 0; during < 20; ++during) {  // until its request is there
        server.open(attacker(attack, number + 1 + static_cast<std::uint64_t>(during)),
                    attack.is_unfinished);
      }
      CHECK(server.count(kubelet) == 1);
      server.close_all_of(kubelet);
    }
  }
}

}  // namespace
}  // namespace webhook
