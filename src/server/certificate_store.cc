#include "server/certificate_store.h"

#include <unistd.h>

#include <array>
#include <random>
#include <string_view>
#include <utility>

#include "kube/objects.h"

namespace webhook {
namespace {

using std::chrono::seconds;

constexpr const char* kBundleManager = "code-executor-webhook";

/// Of an object that is full of what others put into it: etcd takes 1.5 MiB, which base64 and
/// escapes make longer. It must not keep us from our part of it.
constexpr std::size_t kMaxObjectBytes = std::size_t{4} << 20U;

/// For a query: host names have nothing else, but nobody promised.
std::string to_query(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.';
    kept += is_plain ? c : '-';
  }
  return kept;
}

/// A field manager is told apart by its name: two replicas of one name would each overwrite the
/// other's CA, and hear of no conflict. The host's name is for people, the number for certainty.
std::string make_manager() {
  std::array<char, 64> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::random_device random;
  return std::string(kBundleManager) + '-' + to_query(host.data()) + '-' +
         std::to_string(random()) + std::to_string(random());
}

/// The time, checked against the API server's, the header Date of its answer. The clock is read
/// once: one that is set right between two looks would pass with the time that it had before.
Result<WallTime> read_clock(const std::string& date, std::chrono::milliseconds tolerance) {
  const auto now = std::chrono::system_clock::now();
  // Certificates have whole seconds.
  const WallTime whole = std::chrono::floor<seconds>(now);
  const auto theirs = parse_http_date(date);
  if (!theirs) return whole;
  const auto ahead = now - *theirs;
  // The header has whole seconds, and was some time on its way.
  if (ahead < tolerance + seconds(2) && -ahead < tolerance + seconds(1)) return whole;
  return Error{"the clocks of this node and of the API server are apart by more than " +
               std::to_string(std::chrono::duration_cast<seconds>(tolerance).count()) +
               " s (expected both to be right): nothing is written and nothing is issued"};
}

}  // namespace

CertificateStore::CertificateStore(KubeClient client, ManagedNames names)
    : client_(std::move(client)), names_(std::move(names)), secret_manager_(make_manager()) {}

Result<CertificateObservation> CertificateStore::observe(std::chrono::milliseconds clock_tolerance,
                                                         const std::stop_token& stop) const {
  CertificateObservation seen{
      .now = {}, .at = std::chrono::steady_clock::now(), .secret = {}, .bundle = {}};
  const auto secret =
      client_.send({.path = names_.secret_path(), .max_body_bytes = kMaxObjectBytes}, stop);
  if (!secret) return secret.error();
  auto authorities = read_secret(*secret, names_);
  if (!authorities) return authorities.error();
  const auto now = read_clock(secret->date, clock_tolerance);
  if (!now) return now.error();
  seen.now = *now;
  seen.secret = std::move(*authorities);
  const auto configuration =
      client_.send({.path = names_.configuration_path(), .max_body_bytes = kMaxObjectBytes}, stop);
  if (!configuration) return configuration.error();
  auto bundle = read_configuration(*configuration, names_);
  if (!bundle) return bundle.error();
  seen.bundle = std::move(*bundle);
  return seen;
}

Result<bool> CertificateStore::put_authorities(const std::vector<ManagedAuthority>& authorities,
                                               const CertificateObservation& seen,
                                               const std::stop_token& stop) const {
  const std::string& version = seen.secret.resource_version;
  // Unforced where there is none: of several replicas that make one only the first succeeds.
  return apply(names_.secret_path(),
               "?fieldManager=" + secret_manager_ + (version.empty() ? "" : "&force=true"),
               to_secret(authorities, version, names_), stop);
}

Result<bool> CertificateStore::put_bundle(const std::vector<Certificate>& certificates,
                                          const CertificateObservation& seen,
                                          const std::stop_token& stop) const {
  return apply(names_.configuration_path(),
               std::string("?fieldManager=") + kBundleManager + "&force=true",
               to_configuration(certificates, seen.bundle, names_), stop);
}

std::string CertificateStore::expected_of(const HttpResponse& refusal,
                                          const std::string& path) const {
  if (refusal.status == 403) {
    return "roles that allow create and patch on the Secret, and patch on the configuration, and a "
           "policy that lets caBundle be changed, as manifests/base has them";
  }
  // Immutable, or full of what is not ours.
  return refusal.status == 422 && path == names_.secret_path() ? names_.remedy() : "200";
}

Result<bool> CertificateStore::apply(const std::string& path, const std::string& query,
                                     const std::string& body, const std::stop_token& stop) const {
  const std::string whole = path + query;
  const auto answer = client_.send({.method = "PATCH",
                                    .path = whole,
                                    .body = body,
                                    .content_type = "application/apply-patch+yaml",
                                    .max_body_bytes = kMaxObjectBytes},
                                   stop);
  if (!answer) return answer.error();
  if (answer->status == 200 || answer->status == 201) return true;
  if (answer->status == 409) return false;
  return Error{"PATCH " + path + ": status " + std::to_string(answer->status) + " (expected " +
               expected_of(*answer, path) + ')' + to_reason(*answer)};
}

}  // namespace webhook
