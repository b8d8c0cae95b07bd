#include "server/certificate_objects.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "tls/certificate_authority.h"

namespace webhook {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using Json = nlohmann::json;

constexpr WallTime kNow{days(20'000)};
const ManagedNames kNames{.ns = "ns", .secret = "ca", .service = "hook", .configuration = "conf"};

ManagedAuthority make_authority(std::optional<WallTime> trusted_since = std::nullopt) {
  const PemPair pair = CertificateAuthority::create("hook CA", {days(365), kNow}).pem();
  return {.certificate = read_bundle(pair.certificate).at(0),
          .key = pair.key,
          .trusted_since = trusted_since};
}

/// The API server's answer to a GET after `applied`.
HttpResponse stored(const std::string& applied) {
  Json object = Json::parse(applied);
  object["metadata"]["resourceVersion"] = "12";
  return {.status = 200, .body = object.dump()};
}

HttpResponse secret_with(const std::string& content) {
  const Json object = {{"metadata", {{"resourceVersion", "12"}}},
                       {"data", {{"authorities.json", to_base64(content)}}}};
  return {.status = 200, .body = object.dump()};
}

TEST_CASE("the Secret is read as it was written") {
  ManagedAuthority retired = make_authority();
  retired.key.clear();
  const std::vector<ManagedAuthority> authorities{retired, make_authority(kNow), make_authority()};
  const auto got = read_secret(stored(to_secret(authorities, "11", kNames)), kNames);
  REQUIRE(got);
  CHECK(got->resource_version == "12");
  CHECK((got->authorities == authorities));
}

TEST_CASE("only what is there is replaced, and only what is not is made") {
  CHECK(Json::parse(to_secret({}, "11", kNames))["metadata"]["resourceVersion"] == "11");
  CHECK_FALSE(Json::parse(to_secret({}, "", kNames))["metadata"].contains("resourceVersion"));
}

TEST_CASE("a Secret that holds nothing of ours is an empty one") {
  const ManagedAuthority good = make_authority();
  const Json entry = {{"certificate", good.certificate.pem}, {"key", good.key}};
  const Json no_key = {{"certificate", good.certificate.pem}, {"key", make_authority().key}};
  const Json two = {{"certificate", good.certificate.pem + make_authority().certificate.pem}};
  struct Row {
    const char* what;
    std::string content;
    std::size_t want;
  };
  for (const Row& row : {
           Row{"nothing", "", 0},
           Row{"no JSON", "hello", 0},
           Row{"an object", "{}", 0},
           Row{"a list of others", "[1, null, {}]", 0},
           Row{"another CA's key", Json::array({no_key}).dump(), 0},
           Row{"two certificates", Json::array({two}).dump(), 0},
           Row{"a good one among others", Json::array({1, entry, no_key}).dump(), 1},
           Row{"one twice", Json::array({entry, entry}).dump(), 1},
       }) {
    CAPTURE(row.what);
    const auto got = read_secret(secret_with(row.content), kNames);
    REQUIRE(got);
    CHECK(got->authorities.size() == row.want);
  }
  const auto without_data =
      read_secret({.status = 200, .body = R"({"metadata":{"resourceVersion":"1"}})"}, kNames);
  REQUIRE(without_data);
  CHECK(without_data->authorities.empty());
}

TEST_CASE("a Secret that nothing can be stored in is known as such") {
  const auto reads_immutable = [](const char* rest) {
    const std::string body = R"({"metadata":{"resourceVersion":"1"})" + std::string(rest) + '}';
    return read_secret({.status = 200, .body = body}, kNames).value().is_immutable;
  };
  CHECK(reads_immutable(R"(,"immutable":true)"));
  CHECK_FALSE(reads_immutable(R"(,"immutable":false)"));
  CHECK_FALSE(reads_immutable(R"(,"immutable":"true")"));
  CHECK_FALSE(reads_immutable(""));
}

TEST_CASE("no Secret is no error; that it may not be read is one, which names the rule") {
  const auto none = read_secret({.status = 404}, kNames);
  REQUIRE(none);
  CHECK(none->resource_version.empty());
  CHECK(read_secret({.status = 403}, kNames).error().message ==
        "GET /api/v1/namespaces/ns/secrets/ca: status 403 (expected a role that allows get on it, "
        "as the Role of manifests/base does)");
  CHECK(read_secret({.status = 500}, kNames).error().message ==
        "GET /api/v1/namespaces/ns/secrets/ca: status 500 (expected 200)");
  CHECK(read_secret({.status = 200, .body = "{}"}, kNames).error().message ==
        "GET /api/v1/namespaces/ns/secrets/ca: not an object of the API");
}

Json webhook(const std::string& name, const std::string& service, const std::string& bundle) {
  return {
      {"name", name},
      {"clientConfig",
       {{"service", {{"namespace", "ns"}, {"name", service}}}, {"caBundle", to_base64(bundle)}}}};
}

HttpResponse configuration(const Json& webhooks) {
  const Json object = {{"metadata", {{"resourceVersion", "5"}}}, {"webhooks", webhooks}};
  return {.status = 200, .body = object.dump()};
}

TEST_CASE("of the configuration counts what calls our Service") {
  const Certificate one = make_authority().certificate;
  const Json by_url = {{"name", "c"}, {"clientConfig", {{"url", "https://hook.ns.svc"}}}};
  const auto got =
      read_configuration(configuration({webhook("a", "hook", one.pem), webhook("b", "other", ""),
                                        by_url, webhook("d", "hook", "")}),
                         kNames);
  REQUIRE(got);
  CHECK(got->resource_version == "5");
  REQUIRE(got->bundles.size() == 2);
  CHECK(got->bundles[0].webhook == "a");
  CHECK((got->bundles[0].certificates == std::vector<Certificate>{one}));
  CHECK(got->bundles[1].webhook == "d");
  CHECK(got->bundles[1].certificates.empty());
  CHECK_FALSE(got->holds(one));

  const Json written = Json::parse(to_configuration({one}, *got, kNames));
  const Json want_webhooks = {
      {{"name", "a"}, {"clientConfig", {{"caBundle", to_base64(one.pem)}}}},
      {{"name", "d"}, {"clientConfig", {{"caBundle", to_base64(one.pem)}}}}};
  CHECK(written["webhooks"] == want_webhooks);
  CHECK(written["metadata"] == Json({{"name", "conf"}, {"resourceVersion", "5"}}));
}

TEST_CASE("a configuration that does not call us is not ours to write") {
  for (const Json& webhooks :
       {Json::array(), Json::array({webhook("a", "other", "")}), Json::array({1})}) {
    CHECK(read_configuration(configuration(webhooks), kNames).error().message ==
          "mutatingwebhookconfiguration conf: no webhook of it calls Service ns/hook (expected one "
          "with that clientConfig.service)");
  }
  CHECK(read_configuration({.status = 404}, kNames).error().message ==
        "GET /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/conf: status 404 "
        "(expected 200)");
}

TEST_CASE("the time of an answer is read from its Date") {
  CHECK((parse_http_date("Wed, 25 Nov 2026 02:35:01 GMT") == WallTime(seconds(1'795'574'101))));
  for (const char* text : {"", "now", "Wed, 25 Nov 2026 02:35:01 CET", "2026-11-25T02:35:01Z",
                           "Wed, 25 Nov 2026 02:35:01 GMT+1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_http_date(text));
  }
}

}  // namespace
}  // namespace webhook
