#include "kube/sandbox_probe.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "support/tls_server.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

/// The probe as an API server stores it, with these two members as JSON.
HttpResponse stored(const char* host_users, const char* security_context) {
  Json body = Json::parse(probe_body());
  Json& spec = body["template"]["spec"];
  spec.merge_patch({{"hostUsers", Json::parse(host_users)}});
  spec["containers"][0].erase("securityContext");
  spec["containers"][0].merge_patch({{"securityContext", Json::parse(security_context)}});
  return {.status = 201, .body = body.dump()};
}

HttpResponse refused(const char* causes) {
  const Json status{{"kind", "Status"}, {"details", {{"causes", Json::parse(causes)}}}};
  return {.status = 422, .body = status.dump()};
}

TEST_CASE("the probe is a template of a pod with what feature gates can take away") {
  const Json probe = Json::parse(probe_body());
  CHECK(probe["kind"] == "PodTemplate");
  CHECK(probe["template"]["spec"]["hostUsers"] == false);
  CHECK(probe["template"]["spec"]["containers"][0]["securityContext"]["procMount"] == "Unmasked");
  CHECK(probe_path("ns") == "/api/v1/namespaces/ns/podtemplates?dryRun=All");
}

TEST_CASE("what an API server answers to the probe says whether it drops the sandbox") {
  struct Row {
    const char* name;
    HttpResponse answer;
    bool want;
  };
  for (const Row& row : {
           Row{"both features on", stored("false", R"({"procMount":"Unmasked"})"), false},
           Row{"both off", stored("null", R"({"procMount":"Default"})"), true},
           Row{"ProcMountType off", stored("false", R"({"procMount":"Default"})"), true},
           Row{"no securityContext left", stored("false", "null"), true},
           Row{"UserNamespacesSupport off", stored("null", R"({"procMount":"Unmasked"})"), true},
           Row{"UserNamespacesSupport off, and validated",
               refused(R"([{"field":"template.spec.containers[0].securityContext.procMount"}])"),
               true},
       }) {
    CAPTURE(row.name);
    const auto got = drops_sandbox(row.answer);
    REQUIRE(got);
    CHECK(*got == row.want);
  }
}

TEST_CASE("an answer that says nothing of the fields is no answer") {
  struct Row {
    HttpResponse answer;
    const char* want;
  };
  for (const Row& row : {
           Row{{.status = 403, .body = {}},
               "status 403 (expected a Role that allows to create podtemplates, as in "
               "manifests/base)"},
           Row{{.status = 500, .body = {}}, "status 500 (expected 201)"},
           Row{{.status = 200, .body = "{}"}, "status 200 (expected 201)"},
           Row{{.status = 201, .body = "<html>"}, "the answer is not a JSON object"},
           // A policy's refusal names no field.
           Row{refused(R"([{"message":"no templates here"}])"),
               "status 422 for another reason than procMount"},
           Row{refused(R"([{"field":7},7])"), "status 422 for another reason than procMount"},
           Row{refused("null"), "status 422 for another reason than procMount"},
       }) {
    CAPTURE(row.answer.body);
    const auto got = drops_sandbox(row.answer);
    REQUIRE_FALSE(got);
    CHECK(got.error().message == row.want);
  }
}

TEST_CASE("version and probe are asked over one new connection, old servers only for the version") {
  const test::Pair pair = test::make_pair({.dns_names = {"localhost"}});
  std::atomic<int> minor = 34;
  std::atomic<int> connections = 0;
  std::atomic<int> requests = 0;
  test::TlsServer server(pair, [&](test::TlsPeer& peer) {
    ++connections;
    for (std::string asked; !(asked = peer.read_request()).empty();) {
      ++requests;
      const bool is_probe = asked.starts_with("POST " + probe_path("default") + " HTTP/1.1\r\n");
      const std::string body = is_probe
                                   ? asked.substr(asked.find("\r\n\r\n") + 4)
                                   : R"({"gitVersion":"v1.)" + std::to_string(minor) + R"(.0"})";
      peer.send("HTTP/1.1 " + std::string(is_probe ? "201" : "200") +
                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
  });
  KubeAccess access;
  access.host = "127.0.0.1";
  access.port = server.port();
  access.server_name = "localhost";
  access.authorities.data = pair.certificate_pem;
  const KubeClient client(std::move(access));
  for (int ask = 1; ask <= 2; ++ask) {
    const auto got = ask_api_server(client, {1, 33}, {});
    REQUIRE(got);
    CHECK(got->version.git_version == "v1.34.0");
    CHECK((got->drops == false));
    CHECK(connections == ask);
    CHECK(requests == 2 * ask);
  }
  minor = 32;
  const auto old = ask_api_server(client, {1, 33}, {});
  REQUIRE(old);
  CHECK_FALSE(old->drops.has_value());
  CHECK(old->probe_failure.empty());
  CHECK(requests == 5);
}

}  // namespace
}  // namespace webhook
