#include "kube/sandbox_probe.h"

#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/log_capture.h"

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

TEST_CASE("without an API server the probe is never asked, and says nothing") {
  SandboxProbe probe;
  probe.ask();
  CHECK_FALSE(probe.drops().has_value());
  CHECK(probe.summary().empty());
}

TEST_CASE("the probe keeps its last answer through failures, and says each change once") {
  const LogCapture log;
  Result<HttpResponse> answer = Error{"refused"};
  SandboxProbe probe([&](const std::stop_token&) { return answer; });
  probe.ask();
  probe.ask();
  CHECK_FALSE(probe.drops().has_value());
  CHECK(probe.summary() == "not known; last asked in vain: refused");

  answer = stored("null", "{}");
  probe.ask();
  probe.ask();
  CHECK((probe.drops() == true));
  CHECK(probe.summary().starts_with("the API server drops hostUsers or procMount"));

  answer = Error{"refused again"};
  probe.ask();
  CHECK((probe.drops() == true));
  CHECK(probe.summary().ends_with("; last asked in vain: refused again"));

  answer = stored("false", R"({"procMount":"Unmasked"})");
  probe.ask();
  CHECK((probe.drops() == false));
  CHECK(probe.summary() == "the API server keeps hostUsers and procMount");
  CHECK(log.text() ==
        "warning sandbox probe: refused\n"
        "warning sandbox probe: the API server drops hostUsers or procMount: no pod is sandboxed "
        "(expected feature gates UserNamespacesSupport and ProcMountType on)\n"
        "warning sandbox probe: refused again\n"
        "info sandbox probe: the API server keeps hostUsers and procMount\n");
}

TEST_CASE("a call that was cut short says nothing") {
  const LogCapture log;
  std::stop_source stop;
  SandboxProbe probe([&](const std::stop_token&) {
    stop.request_stop();
    return Result<HttpResponse>(Error{"cut"});
  });
  probe.ask(stop.get_token());
  CHECK(log.text().empty());
}

}  // namespace
}  // namespace webhook
