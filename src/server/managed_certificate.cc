#include "server/managed_certificate.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "os/file.h"

namespace webhook {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstRetry = seconds(1);
/// A first start takes five: CA, bundle, leaf, and what conflicts add.
constexpr int kBusyRounds = 10;

std::string to_words(WallTime time) {
  const std::time_t at = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  std::array<char, 32> text{};
  ::gmtime_r(&at, &utc);
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text.data(), size};
}

}  // namespace

ManagedCertificate::ManagedCertificate(KubeClient client, Options options)
    : options_(std::move(options)),
      store_(std::move(client), options_.names),
      random_(std::random_device{}()) {
  read_client_ca();
}

ManagedCertificate::~ManagedCertificate() = default;

void ManagedCertificate::start() {
  thread_ = std::jthread([this](std::stop_token stop) {
    stop_ = std::move(stop);
    run();
  });
}

void ManagedCertificate::run() {
  while (!stop_.stop_requested()) {
    Outcome outcome = Outcome::kFailed;
    try {
      outcome = round();
    } catch (const std::exception& error) {
      outcome = fail(error.what());
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop_, pause_after(outcome), [] { return false; });
  }
}

/// Replicas that start together go apart: each pause is longer or shorter than the others'.
milliseconds ManagedCertificate::pause_after(Outcome outcome) {
  const auto around = [this](milliseconds time) {
    return time * std::uniform_int_distribution<int>(75, 125)(random_) / 100;
  };
  const milliseconds poll = options_.times.poll;
  if (outcome != Outcome::kFailed) retry_delay_ = kFirstRetry;
  busy_rounds_ = outcome == Outcome::kAgain ? busy_rounds_ + 1 : 0;
  switch (outcome) {
    case Outcome::kRest: return around(poll);
    // Somebody who undoes each write as it is made would else keep the API server busy with us.
    case Outcome::kAgain: return busy_rounds_ < kBusyRounds ? milliseconds(0) : around(kFirstRetry);
    case Outcome::kConflict: return around(std::min<milliseconds>(milliseconds(200), poll));
    case Outcome::kFailed: break;
  }
  const milliseconds delay = std::min(retry_delay_, poll);
  retry_delay_ = std::min(2 * delay, poll);
  return around(delay);
}

ManagedCertificate::Outcome ManagedCertificate::round() {
  read_client_ca();
  const auto seen = store_.observe(options_.times.clock_tolerance, stop_);
  if (!seen) return stop_.stop_requested() ? Outcome::kRest : fail(seen.error().message);
  note_bundle(memory_, *seen, options_.times);
  publish(*seen);
  const CertificateStep step = next_step(memory_, *seen, options_.times);
  const Outcome outcome = std::visit([&](const auto& each) { return take(each, *seen); }, step);
  if (seen->secret.is_immutable) {
    // It is, for the eight months until the CA is due: time to say so.
    return outcome == Outcome::kRest ? fail("Secret " + options_.names.secret +
                                            " is immutable: its CA cannot be renewed (expected " +
                                            options_.names.remedy() + ')')
                                     : outcome;
  }
  if (outcome != Outcome::kFailed && !problem_.empty()) {
    problem_.clear();
    options_.on_log(false, "managed certificate: works again");
    const std::lock_guard lock(mutex_);
    last_problem_.clear();
  }
  return outcome;
}

void ManagedCertificate::publish(const CertificateObservation& seen) {
  bool is_trusted = memory_.leaf.has_value();
  for (const WebhookBundle& each : seen.bundle.bundles) {
    is_trusted = is_trusted && verifies(pair_.certificate, each.certificates,
                                        options_.names.server_name(), seen.now);
  }
  std::optional<WallTime> expires_at;
  std::string state;
  for (const ManagedAuthority& each : seen.secret.authorities) {
    if (each.key.empty()) continue;
    state += (state.empty() ? "CA until " : ", next CA until ") +
             to_words(each.certificate.expires_at) +
             (each.trusted_since ? "" : " (waits until API servers trust it)");
    expires_at = each.certificate.expires_at;
  }
  if (memory_.leaf) state += ", certificate until " + to_words(memory_.leaf->expires_at);
  const std::lock_guard lock(mutex_);
  is_trusted_ = is_trusted;
  authority_expires_at_ = expires_at;
  state_ = std::move(state);
}

ManagedCertificate::Outcome ManagedCertificate::take(const Rest&, const CertificateObservation&) {
  return Outcome::kRest;
}

ManagedCertificate::Outcome ManagedCertificate::take(const MakeAuthority& step,
                                                     const CertificateObservation& seen) {
  const PemPair made = CertificateAuthority::create(options_.names.service + " CA",
                                                    {options_.times.authority_life, seen.now})
                           .pem();
  auto authorities = step.kept;
  authorities.push_back({.certificate = read_bundle(made.certificate).at(0), .key = made.key});
  const Outcome outcome = take(StoreAuthorities{std::move(authorities)}, seen);
  if (outcome == Outcome::kAgain) {
    options_.on_event(CertificateEvent::kAuthorityMade);
    options_.on_log(false, "managed certificate: a new CA is in Secret " + options_.names.secret);
  }
  return outcome;
}

ManagedCertificate::Outcome ManagedCertificate::take(const StoreAuthorities& step,
                                                     const CertificateObservation& seen) {
  // A mark of trust carries the time of the observation.
  if (std::chrono::steady_clock::now() - seen.at > kObservationCounts) return Outcome::kConflict;
  const auto had = std::count_if(seen.secret.authorities.begin(), seen.secret.authorities.end(),
                                 [](const auto& each) { return each.trusted_since.has_value(); });
  const auto has = std::count_if(step.authorities.begin(), step.authorities.end(),
                                 [](const auto& each) { return each.trusted_since.has_value(); });
  const Outcome outcome = note_written(store_.put_authorities(step.authorities, seen, stop_));
  if (outcome == Outcome::kAgain && has > had) {
    options_.on_event(CertificateEvent::kAuthorityTrusted);
    options_.on_log(false,
                    "managed certificate: the youngest CA is trusted, and issues from now on");
  }
  return outcome;
}

ManagedCertificate::Outcome ManagedCertificate::take(const WriteBundle& step,
                                                     const CertificateObservation& seen) {
  const Outcome outcome = note_written(store_.put_bundle(step.certificates, seen, stop_));
  if (outcome != Outcome::kAgain) return outcome;
  options_.on_event(step.is_repair ? CertificateEvent::kBundleRepaired
                                   : CertificateEvent::kBundleExtended);
  options_.on_log(step.is_repair,
                  step.is_repair ? "managed certificate: caBundle had lost our CA, and is repaired"
                                 : "managed certificate: caBundle is brought up to date");
  if (step.dropped > 0) {
    options_.on_event(CertificateEvent::kForeignDropped);
    options_.on_log(
        true, "managed certificate: of other CAs in caBundle the " + std::to_string(step.dropped) +
                  " oldest are taken out (expected at most " + std::to_string(kMostForeign) + ')');
  }
  return outcome;
}

ManagedCertificate::Outcome ManagedCertificate::take(const IssueLeaf& step,
                                                     const CertificateObservation& seen) {
  if (std::chrono::steady_clock::now() - seen.at > kObservationCounts) return Outcome::kConflict;
  const ManagedNames& names = options_.names;
  const ServingNames serving{names.service, service_dns_names(names.service, names.ns), {}};
  const auto authority =
      CertificateAuthority::load({step.issuer.certificate.pem, step.issuer.key}, seen.now);
  const PemPair pair = authority.issue(serving, {step.expires_at - seen.now, seen.now});
  if (const auto error = serve(pair)) return fail(error->message);
  const bool is_first = !memory_.leaf;
  memory_.leaf = OwnLeaf{step.issuer.certificate, seen.now, step.expires_at};
  options_.on_event(is_first ? CertificateEvent::kLeafIssued : CertificateEvent::kLeafRenewed);
  options_.on_log(false, std::string("managed certificate: ") + (is_first ? "issued" : "renewed") +
                             ", until " + to_words(step.expires_at));
  publish(seen);
  return Outcome::kAgain;
}

ManagedCertificate::Outcome ManagedCertificate::note_written(const Result<bool>& written) {
  if (!written) return fail(written.error().message);
  if (*written) return Outcome::kAgain;
  options_.on_event(CertificateEvent::kConflict);
  return Outcome::kConflict;
}

ManagedCertificate::Outcome ManagedCertificate::fail(const std::string& why) {
  if (stop_.stop_requested()) return Outcome::kRest;  // a call was cut off
  options_.on_event(CertificateEvent::kFailure);
  {
    const std::lock_guard lock(mutex_);
    last_problem_ = why;
  }
  if (why != problem_) options_.on_log(true, "managed certificate: " + why);
  problem_ = why;
  return Outcome::kFailed;
}

/// A changed file that is wrong leaves the old one in use.
void ManagedCertificate::read_client_ca() {
  if (options_.client_ca.empty()) return;
  auto text = try_read_file(options_.client_ca.string(), kMaxPemBytes);
  std::optional<Error> error;
  if (!text) error = text.error();
  if (text && *text != client_ca_.text) {
    const PemFile old = std::exchange(client_ca_, {options_.client_ca.string(), std::move(*text)});
    error = serve(pair_);
    if (error) client_ca_ = old;
  }
  const std::string why = error ? error->message : "";
  if (!why.empty() && why != client_ca_problem_) {
    options_.on_log(true, "managed certificate: the client CA in use stays: " + why);
  }
  client_ca_problem_ = why;
}

/// Without a pair yet there is nothing to make of it.
std::optional<Error> ManagedCertificate::serve(const PemPair& pair) {
  if (pair.certificate.empty()) return std::nullopt;
  if (!options_.client_ca.empty() && client_ca_.text.empty()) {
    return Error{options_.client_ca.string() + ": not read yet (expected a PEM file)"};
  }
  auto made = make_tls_context({.certificates = {"managed certificate", pair.certificate},
                                .key = {"managed key", pair.key},
                                .client_ca = client_ca_},
                               options_.rules);
  if (!made) return made.error();
  pair_ = pair;
  const std::lock_guard lock(mutex_);
  current_ = std::move(*made);
  return std::nullopt;
}

std::shared_ptr<SSL_CTX> ManagedCertificate::context() const {
  const std::lock_guard lock(mutex_);
  return current_ ? current_->context : nullptr;
}

WallTime ManagedCertificate::expires_at() const {
  const std::lock_guard lock(mutex_);
  return current_ ? current_->expires_at : WallTime{};
}

WallTime ManagedCertificate::authority_expires_at() const {
  const std::lock_guard lock(mutex_);
  return authority_expires_at_.value_or(WallTime{});
}

std::string ManagedCertificate::failure() const {
  const std::lock_guard lock(mutex_);
  const std::string because = last_problem_.empty() ? "" : ": " + last_problem_;
  if (!current_) return "there is no certificate yet" + because;
  if (!current_->is_valid_at(std::chrono::system_clock::now())) {
    return "the certificate in use is not valid now" + because;
  }
  return is_trusted_ ? "" : "caBundle does not hold the CA of the certificate in use" + because;
}

std::string ManagedCertificate::note() const {
  const std::lock_guard lock(mutex_);
  return last_problem_.empty() ? state_ : state_ + "; " + last_problem_;
}

}  // namespace webhook
