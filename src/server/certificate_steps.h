#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "tls/certificate_bundle.h"

namespace webhook {

using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

/// How long things last. Other values than these are for tests, whose CA lives a minute.
struct CertificateTimes {
  std::chrono::milliseconds authority_life = std::chrono::days(365);
  std::chrono::milliseconds leaf_life = std::chrono::days(7);
  /// How long the bundle holds a CA until a leaf of it may take the place of a good one: API
  /// servers learn of a changed bundle one by one.
  std::chrono::milliseconds trust_delay = std::chrono::minutes(2);
  std::chrono::milliseconds poll = std::chrono::seconds(10);
  /// How far the clocks of replicas and API servers may be apart.
  std::chrono::milliseconds clock_tolerance = std::chrono::minutes(5);

  friend bool operator==(const CertificateTimes&, const CertificateTimes&) = default;
};

/// A CA of ours, as the Secret holds it.
struct ManagedAuthority {
  Certificate certificate;
  std::string key;  ///< PEM. Empty: retired, no leaf can be of it any more.
  /// Since when no leaf is issued by an older CA. None: it waits until API servers trust it.
  std::optional<WallTime> trusted_since = {};

  friend bool operator==(const ManagedAuthority&, const ManagedAuthority&) = default;
};

/// The Secret. The youngest CA comes last.
struct AuthoritySecret {
  std::string resource_version;  ///< Empty: there is no Secret.
  std::vector<ManagedAuthority> authorities;
  bool is_immutable = false;  ///< Nothing can be stored in it any more.
};

/// The caBundle of one webhook.
struct WebhookBundle {
  std::string webhook;
  std::vector<Certificate> certificates;
};

/// The webhook configuration.
struct BundleState {
  std::string resource_version;
  std::vector<WebhookBundle> bundles;  ///< Of the webhooks that call our Service.

  /// True if all of them have it.
  [[nodiscard]] bool holds(const Certificate& certificate) const;
};

/// What a replica reads in one round: first the Secret, then the configuration.
struct CertificateObservation {
  WallTime now;
  SteadyTime at;  ///< When the reading began.
  AuthoritySecret secret;
  BundleState bundle;
};

/// The leaf that a replica serves with, and which CA it is of.
struct OwnLeaf {
  Certificate issuer;
  WallTime issued_at;
  WallTime expires_at;
};

/// What a replica remembers from one round to the next.
struct CertificateMemory {
  std::optional<OwnLeaf> leaf;
  std::optional<SteadyTime> looked_at = {};           ///< At the bundle, the last time.
  std::map<std::string, SteadyTime> held_since = {};  ///< By PEM, without a gap.
};

/// Everything is as it should be, or waits for time to pass.
struct Rest {};
/// Store the Secret with `kept` and a new CA after them.
struct MakeAuthority {
  std::vector<ManagedAuthority> kept;
};
/// Store the Secret with these CAs: one is trusted now, retired or gone.
struct StoreAuthorities {
  std::vector<ManagedAuthority> authorities;
};
struct WriteBundle {
  std::vector<Certificate> certificates;
  bool is_repair = false;   ///< A CA is missing that was there before.
  std::size_t dropped = 0;  ///< Valid ones of others, beyond kMostForeign.
};
struct IssueLeaf {
  ManagedAuthority issuer;
  WallTime expires_at;
};
using CertificateStep = std::variant<Rest, MakeAuthority, StoreAuthorities, WriteBundle, IssueLeaf>;

/// A leaf that may be issued on the strength of an observation is in use within this time.
inline constexpr std::chrono::seconds kObservationCounts{30};
/// Of certificates in the bundle that are not ours so many stay.
inline constexpr std::size_t kMostForeign = 16;

/// Notes since when the bundle holds what it holds. A time in which nobody looked counts as a gap.
void note_bundle(CertificateMemory& memory, const CertificateObservation& seen,
                 const CertificateTimes& times);

/// True while API servers take the leaf, and will until the next rounds: it is valid, and the
/// bundle holds its CA.
bool is_leaf_good(const CertificateMemory& memory, const CertificateObservation& seen,
                  const CertificateTimes& times);

/// The one thing to do now; afterwards the replica reads everything again. Pure.
///
/// A CA is first stored, then added to the bundle, then, once that has held it for `trust_delay`,
/// marked as trusted; from then on leaves are of it alone. When no leaf of an older one can be
/// alive, that is retired: its key goes, and it leaves the bundle. A replica without a good leaf
/// does not wait for the mark: there is nothing to lose.
CertificateStep next_step(const CertificateMemory& memory, const CertificateObservation& seen,
                          const CertificateTimes& times);

}  // namespace webhook
