#include "server/certificate_steps.h"

#include <algorithm>
#include <utility>

namespace webhook {
namespace {

using Authorities = std::vector<ManagedAuthority>;

bool contains(const std::vector<Certificate>& certificates, const Certificate& certificate) {
  return std::find(certificates.begin(), certificates.end(), certificate) != certificates.end();
}

/// Later than this no leaf lives that was issued before a younger CA was marked as trusted: whoever
/// marked it, issued the leaf and asks now may each be off by the tolerance, to either side.
std::chrono::milliseconds retirement(const CertificateTimes& times) {
  return times.leaf_life + 4 * times.clock_tolerance + kObservationCounts;
}

/// Made by a clock that was off by more than all may be: nobody trusts what it issues for now. CAs
/// are valid from an hour before they are made, which is more than two clocks may be apart.
bool is_of_the_future(const Certificate& certificate, WallTime now) {
  return certificate.valid_from > now;
}

/// Likewise, a leaf of this replica: its own clock and the API server's were both ahead then.
bool is_of_the_future(const OwnLeaf& leaf, WallTime now, const CertificateTimes& times) {
  return leaf.issued_at > now + 2 * times.clock_tolerance || is_of_the_future(leaf.issuer, now);
}

/// The CAs without those that have expired or are of the future, the retired ones without their
/// keys.
Authorities tidy(const Authorities& authorities, WallTime now, const CertificateTimes& times) {
  Authorities kept;
  bool is_superseded = false;
  for (auto each = authorities.rbegin(); each != authorities.rend(); ++each) {
    if (is_of_the_future(each->certificate, now)) continue;
    if (each->certificate.expires_at + times.clock_tolerance > now) {
      kept.push_back(*each);
      if (is_superseded) kept.back().key.clear();
    }
    is_superseded =
        is_superseded || (each->trusted_since && *each->trusted_since + retirement(times) <= now);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

bool is_in_its_last_third(const Certificate& certificate, WallTime now,
                          const CertificateTimes& times) {
  return certificate.expires_at - now < times.authority_life / 3;
}

/// What the bundle should hold: our CAs that are not retired, and what others put there.
WriteBundle wanted_bundle(const Authorities& authorities, const BundleState& state,
                          WallTime expired_before) {
  std::vector<Certificate> ours;
  WriteBundle wanted;
  for (const ManagedAuthority& each : authorities) {
    ours.push_back(each.certificate);
    if (!each.key.empty()) wanted.certificates.push_back(each.certificate);
  }
  std::vector<Certificate> foreign;
  for (const WebhookBundle& bundle : state.bundles) {
    for (const Certificate& each : bundle.certificates) {
      const bool is_known = contains(ours, each) || contains(foreign, each);
      if (!is_known && each.expires_at > expired_before) foreign.push_back(each);
    }
  }
  std::stable_sort(foreign.begin(), foreign.end(), [](const Certificate& a, const Certificate& b) {
    return a.valid_from > b.valid_from;
  });
  const std::size_t kept = std::min(foreign.size(), kMostForeign);
  wanted.dropped = foreign.size() - kept;
  foreign.resize(kept);
  wanted.certificates.insert(wanted.certificates.end(), foreign.begin(), foreign.end());
  return wanted;
}

/// In whatever order.
bool is_same(const std::vector<Certificate>& a, const std::vector<Certificate>& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const Certificate& each) {
           return contains(b, each);
         });
}

std::optional<WriteBundle> mend_bundle(const CertificateMemory& memory,
                                       const CertificateObservation& seen,
                                       const Authorities& authorities,
                                       const CertificateTimes& times) {
  WriteBundle write = wanted_bundle(authorities, seen.bundle, seen.now - times.clock_tolerance);
  const bool is_right =
      std::all_of(seen.bundle.bundles.begin(), seen.bundle.bundles.end(),
                  [&](const auto& each) { return is_same(each.certificates, write.certificates); });
  if (is_right) return std::nullopt;
  for (const ManagedAuthority& each : authorities) {
    const bool was_there =
        each.trusted_since.has_value() || (memory.leaf && memory.leaf->issuer == each.certificate);
    if (!each.key.empty() && was_there && !seen.bundle.holds(each.certificate)) {
      write.is_repair = true;
    }
  }
  return write;
}

bool has_been_held(const CertificateMemory& memory, const CertificateObservation& seen,
                   const Certificate& certificate, const CertificateTimes& times) {
  const auto since = memory.held_since.find(certificate.pem);
  return since != memory.held_since.end() && seen.at - since->second >= times.trust_delay;
}

/// Whether API servers will take what expires then until the next rounds.
bool lasts(WallTime expires_at, WallTime now, const CertificateTimes& times) {
  return now + 2 * times.poll + times.clock_tolerance < expires_at;
}

/// The CA that leaves are of now: the youngest that is trusted, else the oldest that lasts.
const ManagedAuthority* current_issuer(const Authorities& authorities, WallTime now,
                                       const CertificateTimes& times) {
  const ManagedAuthority* oldest = &authorities.back();
  for (auto each = authorities.rbegin(); each != authorities.rend(); ++each) {
    if (each->key.empty() || !lasts(each->certificate.expires_at, now, times)) continue;
    if (each->trusted_since) return &*each;
    oldest = &*each;
  }
  return oldest;
}

std::optional<StoreAuthorities> mark_trusted(const CertificateMemory& memory,
                                             const CertificateObservation& seen,
                                             const Authorities& authorities,
                                             const CertificateTimes& times) {
  const ManagedAuthority& youngest = authorities.back();
  if (youngest.trusted_since || !has_been_held(memory, seen, youngest.certificate, times)) {
    return std::nullopt;
  }
  StoreAuthorities store{authorities};
  store.authorities.back().trusted_since = seen.now;
  return store;
}

/// A leaf of `issuer` where there is no good one, or the one there is has a third of its life left.
std::optional<IssueLeaf> renew_leaf(const CertificateMemory& memory,
                                    const CertificateObservation& seen,
                                    const ManagedAuthority& issuer, const CertificateTimes& times) {
  if (!seen.bundle.holds(issuer.certificate)) return std::nullopt;
  const IssueLeaf issue{
      .issuer = issuer,
      .expires_at = std::min(seen.now + times.leaf_life, issuer.certificate.expires_at)};
  if (!is_leaf_good(memory, seen, times)) return issue;
  const OwnLeaf& leaf = *memory.leaf;
  const bool is_due = 3 * (leaf.expires_at - seen.now) < leaf.expires_at - leaf.issued_at;
  // A CA near its end gives no longer life, however often it is asked.
  const bool gains = issue.expires_at > leaf.expires_at;
  const bool is_safe =
      issuer.trusted_since && has_been_held(memory, seen, issuer.certificate, times);
  return is_due && gains && is_safe ? std::optional(issue) : std::nullopt;
}

}  // namespace

bool BundleState::holds(const Certificate& certificate) const {
  return !bundles.empty() && std::all_of(bundles.begin(), bundles.end(), [&](const auto& each) {
    return contains(each.certificates, certificate);
  });
}

void note_bundle(CertificateMemory& memory, const CertificateObservation& seen,
                 const CertificateTimes& times) {
  const bool has_gap = !memory.looked_at || seen.at - *memory.looked_at > times.trust_delay / 2;
  std::map<std::string, SteadyTime> held;
  for (const WebhookBundle& bundle : seen.bundle.bundles) {
    for (const Certificate& each : bundle.certificates) {
      if (!seen.bundle.holds(each)) continue;
      const auto before = memory.held_since.find(each.pem);
      const bool is_new = has_gap || before == memory.held_since.end();
      held.emplace(each.pem, is_new ? seen.at : before->second);
    }
  }
  memory.held_since = std::move(held);
  memory.looked_at = seen.at;
}

bool is_leaf_good(const CertificateMemory& memory, const CertificateObservation& seen,
                  const CertificateTimes& times) {
  return memory.leaf && lasts(memory.leaf->expires_at, seen.now, times) &&
         !is_of_the_future(*memory.leaf, seen.now, times) && seen.bundle.holds(memory.leaf->issuer);
}

CertificateStep next_step(const CertificateMemory& memory, const CertificateObservation& seen,
                          const CertificateTimes& times) {
  const Authorities kept = tidy(seen.secret.authorities, seen.now, times);
  const bool needs_another = kept.empty() || kept.back().key.empty() ||
                             is_in_its_last_third(kept.back().certificate, seen.now, times);
  if (needs_another) return MakeAuthority{kept};
  if (kept != seen.secret.authorities) return StoreAuthorities{kept};
  if (const auto write = mend_bundle(memory, seen, kept, times)) return *write;
  const auto mark = mark_trusted(memory, seen, kept, times);
  const auto leaf = renew_leaf(memory, seen, *current_issuer(kept, seen.now, times), times);
  const bool is_urgent = !is_leaf_good(memory, seen, times);
  if (leaf && is_urgent) return *leaf;
  if (mark) return *mark;
  if (leaf) return *leaf;
  return Rest{};
}

}  // namespace webhook
