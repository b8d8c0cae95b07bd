#include "server/certificate_objects.h"

#include <time.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/base64.h"
#include "kube/objects.h"
#include "tls/certificate_authority.h"
#include "tls/wall_time.h"

namespace webhook {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

/// One entry for all CAs: an apply replaces it whole, whoever wrote what was there.
constexpr const char* kEntry = "authorities.json";

std::string text_at(const Json& object, const Pointer& place) {
  return object.contains(place) && object[place].is_string() ? object[place].get<std::string>()
                                                             : std::string();
}

Error unexpected(const HttpResponse& answer, const std::string& path, std::string_view grant) {
  std::string expected = "expected 200";
  if (answer.status == 403) {
    expected = "expected a role that allows get on it, as " + std::string(grant) +
               " of manifests/base does";
  }
  return Error{"GET " + path + ": status " + std::to_string(answer.status) + " (" + expected + ')' +
               to_reason(answer)};
}

/// Whether API servers take what this CA, which may have any key and any extensions, issues: of the
/// keys of others some cannot sign as we do, and some are too weak for them.
bool can_issue(const ManagedAuthority& authority, const ManagedNames& names) {
  try {
    const auto from = authority.certificate.valid_from;
    const auto loaded =
        CertificateAuthority::load({authority.certificate.pem, authority.key}, from);
    const std::string name = names.server_name();
    const PemPair leaf = loaded.issue({name, {name}, {}}, {std::chrono::seconds(1), from});
    return loaded.has_our_kind_of_key() &&
           verifies(leaf.certificate, {authority.certificate}, name, from);
  } catch (const std::exception&) {
    return false;
  }
}

/// A CA that this program can issue from, or that is retired.
std::optional<ManagedAuthority> read_authority(const Json& entry, const ManagedNames& names) {
  if (!entry.is_object()) return std::nullopt;
  auto certificates = read_bundle(text_at(entry, Pointer("/certificate")));
  if (certificates.size() != 1) return std::nullopt;
  ManagedAuthority authority{.certificate = std::move(certificates.front()),
                             .key = text_at(entry, Pointer("/key"))};
  if (!authority.key.empty() && !can_issue(authority, names)) return std::nullopt;
  const auto since = entry.find("trustedSince");
  if (since != entry.end() && since->is_number_integer()) {
    authority.trusted_since = to_wall_time(since->get<std::int64_t>());
  }
  return authority;
}

std::vector<ManagedAuthority> read_authorities(const Json& secret, const ManagedNames& names) {
  std::vector<ManagedAuthority> authorities;
  const auto bytes = decode_base64(text_at(secret, Pointer("/data") / kEntry));
  const Json list = Json::parse(bytes.value_or(""), nullptr, false);
  if (!list.is_array()) return authorities;
  for (const Json& entry : list) {
    auto authority = read_authority(entry, names);
    const bool is_known =
        authority && std::any_of(authorities.begin(), authorities.end(), [&](const auto& other) {
          return other.certificate == authority->certificate;
        });
    if (authority && !is_known) authorities.push_back(std::move(*authority));
  }
  return authorities;
}

bool calls_us(const Json& webhook, const ManagedNames& names) {
  return text_at(webhook, Pointer("/clientConfig/service/namespace")) == names.ns &&
         text_at(webhook, Pointer("/clientConfig/service/name")) == names.service;
}

}  // namespace

std::string ManagedNames::secret_path() const {
  return "/api/v1/namespaces/" + ns + "/secrets/" + secret;
}

std::string ManagedNames::configuration_path() const {
  return "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/" + configuration;
}

std::string ManagedNames::remedy() const {
  return "kubectl -n " + ns + " delete secret " + secret +
         ", upon which another CA is made, and no review fails";
}

std::string ManagedNames::server_name() const { return service + '.' + ns + ".svc"; }

Result<AuthoritySecret> read_secret(const HttpResponse& answer, const ManagedNames& names) {
  if (answer.status == 404) return AuthoritySecret{};
  if (answer.status != 200) return unexpected(answer, names.secret_path(), "the Role");
  const Json object = Json::parse(answer.body, nullptr, false);
  AuthoritySecret secret{
      .resource_version = text_at(object, Pointer("/metadata/resourceVersion")),
      .authorities = read_authorities(object, names),
      .is_immutable = object.is_object() && object.value("immutable", Json()) == true};
  if (secret.resource_version.empty()) {
    return Error{"GET " + names.secret_path() + ": not an object of the API"};
  }
  return secret;
}

Result<BundleState> read_configuration(const HttpResponse& answer, const ManagedNames& names) {
  if (answer.status != 200) {
    return unexpected(answer, names.configuration_path(), "the ClusterRole");
  }
  const Json object = Json::parse(answer.body, nullptr, false);
  BundleState state{.resource_version = text_at(object, Pointer("/metadata/resourceVersion")),
                    .bundles = {}};
  if (state.resource_version.empty()) {
    return Error{"GET " + names.configuration_path() + ": not an object of the API"};
  }
  const auto webhooks = object.find("webhooks");
  for (const Json& webhook : webhooks == object.end() ? Json::array() : *webhooks) {
    if (!calls_us(webhook, names)) continue;
    const auto bundle = decode_base64(text_at(webhook, Pointer("/clientConfig/caBundle")));
    state.bundles.push_back({text_at(webhook, Pointer("/name")), read_bundle(bundle.value_or(""))});
  }
  if (state.bundles.empty()) {
    return Error{"mutatingwebhookconfiguration " + names.configuration +
                 ": no webhook of it calls Service " + names.ns + '/' + names.service +
                 " (expected one with that clientConfig.service)"};
  }
  return state;
}

std::string to_secret(const std::vector<ManagedAuthority>& authorities,
                      const std::string& resource_version, const ManagedNames& names) {
  Json list = Json::array();
  for (const ManagedAuthority& each : authorities) {
    Json entry = {{"certificate", each.certificate.pem}};
    if (!each.key.empty()) entry["key"] = each.key;
    if (each.trusted_since) {
      entry["trustedSince"] = std::chrono::system_clock::to_time_t(*each.trusted_since);
    }
    list.push_back(std::move(entry));
  }
  Json object = {{"apiVersion", "v1"},
                 {"kind", "Secret"},
                 {"metadata",
                  {{"name", names.secret},
                   {"namespace", names.ns},
                   {"labels", {{"app.kubernetes.io/name", "code-executor-webhook"}}}}},
                 {"data", {{kEntry, to_base64(list.dump())}}}};
  if (!resource_version.empty()) object["metadata"]["resourceVersion"] = resource_version;
  return object.dump();
}

std::string to_configuration(const std::vector<Certificate>& certificates, const BundleState& state,
                             const ManagedNames& names) {
  const std::string bundle = to_base64(to_bundle(certificates));
  Json webhooks = Json::array();
  for (const WebhookBundle& each : state.bundles) {
    webhooks.push_back({{"name", each.webhook}, {"clientConfig", {{"caBundle", bundle}}}});
  }
  const Json object = {
      {"apiVersion", "admissionregistration.k8s.io/v1"},
      {"kind", "MutatingWebhookConfiguration"},
      {"metadata", {{"name", names.configuration}, {"resourceVersion", state.resource_version}}},
      {"webhooks", webhooks}};
  return object.dump();
}

std::optional<WallTime> parse_http_date(const std::string& text) {
  std::tm utc{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return to_wall_time(::timegm(&utc));
}

}  // namespace webhook
