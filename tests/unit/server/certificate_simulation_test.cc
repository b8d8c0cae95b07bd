// Whether the order of steps is right, whatever happens in between: see CertificateWorld.

#include <doctest/doctest.h>

#include <algorithm>

#include "support/certificate_world.h"

namespace webhook {
namespace {

using std::chrono::seconds;

constexpr seconds kEnd{1'000};  // a CA lives 900

struct Tally {
  std::string failure;  ///< The first.
  std::size_t made = 0;
  std::size_t retired = 0;
};

Tally simulate(const WorldRules& rules, std::uint32_t schedules) {
  Tally tally;
  for (std::uint32_t seed = 1; seed <= schedules && tally.failure.empty(); ++seed) {
    CertificateWorld world(rules, seed);
    const std::string failure = world.run(kEnd);
    if (!failure.empty()) tally.failure = "schedule " + std::to_string(seed) + ": " + failure;
    tally.made += world.authorities_made();
    tally.retired += world.retired();
  }
  return tally;
}

TEST_CASE("in a thousand schedules each leaf in use verifies by what every API server trusts") {
  const Tally tally = simulate({}, 1'000);
  CHECK(tally.failure == "");
  CHECK(tally.made >= 2'000);
  CHECK(tally.retired >= 800);
}

TEST_CASE("so it does whatever becomes of the Secret") {
  for (const Harm harm : {Harm::kDeleted, Harm::kEmptied, Harm::kRestored}) {
    CAPTURE(static_cast<int>(harm));
    CHECK(simulate({.harm = harm}, 100).failure == "");
  }
}

/// Each breaks one rule of the order.
CertificateStep trust_at_once(const CertificateMemory& memory, const CertificateObservation& seen,
                              const CertificateTimes& times) {
  CertificateTimes broken = times;
  broken.trust_delay = seconds(0);
  return next_step(memory, seen, broken);
}

CertificateStep retire_at_once(const CertificateMemory& memory, const CertificateObservation& seen,
                               const CertificateTimes& times) {
  CertificateTimes broken = times;
  broken.leaf_life = -kObservationCounts;
  CertificateStep step = next_step(memory, seen, broken);
  if (std::holds_alternative<IssueLeaf>(step)) return next_step(memory, seen, times);
  return step;
}

CertificateStep drop_what_is_foreign(const CertificateMemory& memory,
                                     const CertificateObservation& seen,
                                     const CertificateTimes& times) {
  CertificateStep step = next_step(memory, seen, times);
  if (auto* write = std::get_if<WriteBundle>(&step)) {
    std::erase_if(write->certificates, [&](const Certificate& each) {
      return std::none_of(seen.secret.authorities.begin(), seen.secret.authorities.end(),
                          [&](const ManagedAuthority& ours) { return ours.certificate == each; });
    });
  }
  return step;
}

TEST_CASE("the simulation finds a broken order") {
  CHECK(simulate({.next = trust_at_once}, 1'000).failure != "");
  CHECK(simulate({.next = retire_at_once}, 1'000).failure != "");
  CHECK(simulate({.harm = Harm::kDeleted, .next = drop_what_is_foreign}, 1'000).failure != "");
}

TEST_CASE("API servers that lag longer than the delay are too slow, and the simulation says so") {
  CHECK(simulate({.longest_lag = seconds(120)}, 1'000).failure != "");
}

}  // namespace
}  // namespace webhook
