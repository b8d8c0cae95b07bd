#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "server/certificate_steps.h"

namespace webhook {

/// What can happen to the Secret that no replica did.
enum class Harm { kNone, kDeleted, kEmptied, kRestored };

struct WorldRules {
  CertificateTimes times{.authority_life = std::chrono::seconds(900),
                         .leaf_life = std::chrono::seconds(150),
                         .trust_delay = std::chrono::seconds(40),
                         .poll = std::chrono::seconds(10),
                         .clock_tolerance = std::chrono::seconds(3)};
  /// API servers learn of a changed bundle after up to so long.
  std::chrono::milliseconds longest_lag = std::chrono::seconds(30);
  Harm harm = Harm::kNone;
  /// What replicas do; a test breaks it on purpose.
  CertificateStep (*next)(const CertificateMemory&, const CertificateObservation&,
                          const CertificateTimes&) = next_step;
};

/// Replicas with clocks that differ, API servers that lag behind, answers that are slow or lost,
/// crashes and frozen processes, by a schedule that `seed` makes. Time is simulated.
class CertificateWorld {
 public:
  CertificateWorld(WorldRules rules, std::uint32_t seed);

  /// Until `end`, or until the first moment at which a leaf in use does not verify by the bundle of
  /// an API server: what that was; empty if there was none.
  std::string run(std::chrono::milliseconds end);

  [[nodiscard]] std::size_t authorities_made() const { return made_; }
  [[nodiscard]] std::size_t retired() const { return retired_; }

 private:
  using Time = std::chrono::milliseconds;

  struct Replica {
    Time clock_is_ahead;
    Time next;  ///< When it goes on.
    int phase = 0;
    CertificateObservation seen = {};
    CertificateMemory memory = {};
    Time issued_in_need{-1'000'000};  ///< When it last issued a leaf without having a good one.
    Time frozen_until{-1'000'000};
  };

  Time between(int least_ms, int most_ms);
  bool happens(int in_thousand);
  Time delay(Replica& replica);
  void go_on(Replica& replica);
  void act(Replica& replica);
  bool store(const CertificateObservation& seen, std::vector<ManagedAuthority> authorities);
  void set_bundle(std::vector<Certificate> certificates);
  void do_harm();
  [[nodiscard]] WallTime wall() const { return WallTime(std::chrono::days(20'000)) + now_; }
  [[nodiscard]] std::string find_failure() const;
  [[nodiscard]] const std::vector<Certificate>& bundle_of(Time lag) const;

  const WorldRules rules_;
  std::minstd_rand random_;
  Time now_{0};
  Time next_harm_{0};
  int version_ = 0;
  AuthoritySecret secret_;
  AuthoritySecret backup_;
  BundleState bundle_;
  std::vector<std::pair<Time, std::vector<Certificate>>> bundles_;  ///< Since when which.
  std::vector<Time> lags_;                                          ///< Of each API server.
  std::vector<Replica> replicas_;
  std::size_t made_ = 0;
  std::size_t retired_ = 0;
};

}  // namespace webhook
