#include "support/certificate_world.h"

#include <algorithm>
#include <utility>

namespace webhook {
namespace {

using std::chrono::seconds;

bool contains(const std::vector<Certificate>& certificates, const Certificate& certificate) {
  return std::find(certificates.begin(), certificates.end(), certificate) != certificates.end();
}

}  // namespace

CertificateWorld::CertificateWorld(WorldRules rules, std::uint32_t seed)
    : rules_(rules), random_(seed) {
  random_.discard(8);  // seeds that are near begin alike
  set_bundle({});
  next_harm_ = between(100'000, 900'000);
  const int replicas = static_cast<int>(between(1, 4).count());
  for (int i = 0; i < replicas; ++i) {
    const int tolerance = static_cast<int>(rules_.times.clock_tolerance.count());
    replicas_.push_back(
        {.clock_is_ahead = between(-tolerance, tolerance), .next = between(0, 500)});
  }
  for (int i = 0; i < 2; ++i)
    lags_.push_back(between(0, static_cast<int>(rules_.longest_lag.count())));
}

CertificateWorld::Time CertificateWorld::between(int least_ms, int most_ms) {
  return Time(std::uniform_int_distribution<int>(least_ms, most_ms)(random_));
}

bool CertificateWorld::happens(int in_thousand) { return between(1, 1000).count() <= in_thousand; }

/// Until the next step of a round: mostly short, rarely as long as a call may take, and once in a
/// while the process is frozen.
CertificateWorld::Time CertificateWorld::delay(Replica& replica) {
  if (happens(3)) {
    const Time frozen = between(20'000, 400'000);
    replica.frozen_until = now_ + frozen;
    return frozen;
  }
  return happens(30) ? between(1'000, 5'000) : between(1, 300);
}

void CertificateWorld::go_on(Replica& replica) {
  if (happens(2)) {  // it crashes, and starts again with nothing
    replica = {.clock_is_ahead = replica.clock_is_ahead, .next = now_ + between(500, 30'000)};
    return;
  }
  const int phase = replica.phase;
  replica.phase = (phase + 1) % 3;
  if (phase == 0) {
    replica.seen.now = std::chrono::floor<seconds>(wall() + replica.clock_is_ahead);
    replica.seen.at = SteadyTime(now_);
    replica.seen.secret = secret_;
    replica.next = now_ + delay(replica);
  } else if (phase == 1) {
    replica.seen.bundle = bundle_;
    replica.next = now_ + delay(replica);
  } else {
    note_bundle(replica.memory, replica.seen, rules_.times);
    act(replica);
  }
}

void CertificateWorld::act(Replica& replica) {
  const CertificateObservation& seen = replica.seen;
  const CertificateStep step = rules_.next(replica.memory, seen, rules_.times);
  const bool is_old = SteadyTime(now_) - seen.at > kObservationCounts;
  const int poll = static_cast<int>(rules_.times.poll.count());
  replica.next = now_ + (std::holds_alternative<Rest>(step) ? between(poll * 3 / 4, poll * 5 / 4)
                                                            : between(1, 200));
  if (const auto* make = std::get_if<MakeAuthority>(&step); make != nullptr && !is_old) {
    auto authorities = make->kept;
    const std::string name = "CA-" + std::to_string(++made_);
    authorities.push_back({.certificate = {.pem = name,
                                           .valid_from = seen.now,
                                           .expires_at = seen.now + rules_.times.authority_life},
                           .key = "key"});
    store(seen, std::move(authorities));
  } else if (const auto* change = std::get_if<StoreAuthorities>(&step); change && !is_old) {
    store(seen, change->authorities);
  } else if (const auto* write = std::get_if<WriteBundle>(&step)) {
    if (write->certificates.size() < seen.bundle.bundles[0].certificates.size()) ++retired_;
    if (seen.bundle.resource_version == bundle_.resource_version) set_bundle(write->certificates);
  } else if (const auto* issue = std::get_if<IssueLeaf>(&step); issue && !is_old) {
    if (!is_leaf_good(replica.memory, seen, rules_.times)) replica.issued_in_need = now_;
    replica.memory.leaf = OwnLeaf{issue->issuer.certificate, seen.now, issue->expires_at};
  }
}

/// As the API server does it: a stale version of a Secret that is gone makes a new one.
bool CertificateWorld::store(const CertificateObservation& seen,
                             std::vector<ManagedAuthority> authorities) {
  const bool exists = !secret_.resource_version.empty();
  if (exists && seen.secret.resource_version != secret_.resource_version) return false;
  if (happens(100)) backup_ = secret_;
  secret_ = {std::to_string(++version_), std::move(authorities)};
  return true;
}

void CertificateWorld::set_bundle(std::vector<Certificate> certificates) {
  bundle_.resource_version = std::to_string(++version_);
  bundle_.bundles = {{"hook", certificates}};
  bundles_.emplace_back(now_, std::move(certificates));
}

void CertificateWorld::do_harm() {
  next_harm_ = now_ + between(50'000, 500'000);
  if (rules_.harm == Harm::kDeleted) secret_ = {};
  if (rules_.harm == Harm::kEmptied) secret_ = {std::to_string(++version_), {}};
  if (rules_.harm == Harm::kRestored) secret_ = {std::to_string(++version_), backup_.authorities};
}

const std::vector<Certificate>& CertificateWorld::bundle_of(Time lag) const {
  auto entry = bundles_.rbegin();
  while (std::next(entry) != bundles_.rend() && entry->first + lag > now_) ++entry;
  return entry->second;
}

std::string CertificateWorld::find_failure() const {
  for (const Replica& replica : replicas_) {
    if (!replica.memory.leaf || now_ < replica.frozen_until) continue;
    const OwnLeaf& leaf = *replica.memory.leaf;
    const std::string who =
        "at " + std::to_string(now_.count()) + " ms, leaf of " + leaf.issuer.pem;
    if (leaf.expires_at <= wall()) {
      // By its own check it is not ready from then on; it has to have been cut off to come here.
      const bool was_cut_off = now_ - replica.frozen_until < 3 * rules_.times.poll;
      if (!was_cut_off) return who + " has expired";
      continue;
    }
    // Where there was nothing to lose nobody waited for the API servers.
    if (now_ - replica.issued_in_need <= rules_.longest_lag) continue;
    for (const Time lag : lags_) {
      if (!contains(bundle_of(lag), leaf.issuer)) {
        return who + " is not trusted by the server that lags " + std::to_string(lag.count()) +
               " ms";
      }
    }
  }
  return {};
}

std::string CertificateWorld::run(std::chrono::milliseconds end) {
  while (now_ < end) {
    const auto next =
        std::min_element(replicas_.begin(), replicas_.end(),
                         [](const auto& a, const auto& b) { return a.next < b.next; });
    now_ = next->next;
    if (rules_.harm != Harm::kNone && now_ >= next_harm_) do_harm();
    go_on(*next);
    if (auto failure = find_failure(); !failure.empty()) return failure;
  }
  return {};
}

}  // namespace webhook
