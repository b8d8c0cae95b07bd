#include "admission/admission.h"

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

const ClusterState kNew{.version = {1, 34}};
const ClusterState kOld{.version = {1, 32}};

Reviewed review_pod(const Json& pod, const Policy& policy = small_policy(),
                    const ClusterState& cluster = kNew) {
  auto reviewed = review(to_review(pod).dump(), make_sandbox(policy), cluster);
  REQUIRE(reviewed);
  return *reviewed;
}

TEST_CASE("the answer to a sandboxed pod is an AdmissionReview with the patch in base64") {
  const Reviewed reviewed = review_pod(plain_pod());
  CHECK((reviewed.outcome == Outcome::kSandboxed));
  Json answer = Json::parse(reviewed.wire);
  CHECK(from_base64(answer["response"]["patch"].get<std::string>()) == reviewed.patch.to_json());
  answer["response"].erase("patch");
  CHECK(answer == Json::parse(R"({
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "response": {
      "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
      "allowed": true,
      "patchType": "JSONPatch",
      "auditAnnotations": {
        "outcome": "sandboxed", "reason": "supported", "kubernetes-version": "1.34"
      }
    }
  })"));
}

TEST_CASE("an answer without a patch has no patchType either") {
  Json pod = plain_pod();
  pod["metadata"]["labels"][std::string(kModeLabel)] = "off";
  CHECK(Json::parse(review_pod(pod).wire)["response"] == Json::parse(R"({
    "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
    "allowed": true,
    "auditAnnotations": {
      "outcome": "unchanged", "reason": "opted_out", "kubernetes-version": "1.34"
    }
  })"));
}

TEST_CASE("a denied pod is told so with a status: 403 for the fallback, 422 for a conflict") {
  Policy policy = small_policy();
  policy.fallback = Fallback::kDeny;
  const Reviewed forbidden = review_pod(plain_pod(), policy, kOld);
  const Json response = Json::parse(forbidden.wire)["response"];
  CHECK(response["allowed"] == false);
  CHECK(response["status"] ==
        Json{{"message", forbidden.message}, {"reason", "Forbidden"}, {"code", 403}});
  CHECK(response["warnings"] == forbidden.warnings);
  CHECK_FALSE(response.contains("patch"));
  CHECK_FALSE(response.contains("patchType"));

  Json pod = plain_pod();
  pod["spec"]["volumes"] = {{{"name", "host-seccomp"}, {"emptyDir", Json::object()}}};
  const Reviewed conflict = review_pod(pod);
  CHECK(Json::parse(conflict.wire)["response"]["status"] ==
        Json{{"message", conflict.message}, {"reason", "Invalid"}, {"code", 422}});
}

TEST_CASE("the uid is echoed to the last character, as valid JSON") {
  for (const char* uid : {"x", "\"quoted\\\"", "line\nbreak", "\xc3\xa9\xf0\x9f\x98\x80"}) {
    Json body = to_review(plain_pod());
    body["request"]["uid"] = uid;
    const auto reviewed = review(body.dump(), make_sandbox(small_policy()), kNew);
    REQUIRE(reviewed);
    CHECK(reviewed->uid == uid);
    CHECK(Json::parse(reviewed->wire)["response"]["uid"] == uid);
  }
}

TEST_CASE("what a line of the log holds is cut at 256 bytes, at the end of a character") {
  Json body = to_review(plain_pod());
  const std::string long_text = std::string(255, 'x') + "\xc3\xa9" + std::string(1000, 'y');
  for (const char* field : {"uid", "namespace", "name"}) body["request"][field] = long_text;
  const auto reviewed = review(body.dump(), make_sandbox(small_policy()), kNew);
  REQUIRE(reviewed);
  for (const std::string& text : {reviewed->uid, reviewed->ns, reviewed->name}) {
    CHECK(text == std::string(255, 'x'));
  }
  CHECK(Json::parse(reviewed->wire)["response"]["uid"] == long_text);
  body["request"]["name"] = std::string(256, 'z');
  CHECK(review(body.dump(), make_sandbox(small_policy()), kNew)->name == std::string(256, 'z'));
}

TEST_CASE("dryRun is passed on and changes nothing") {
  Json body = to_review(plain_pod());
  const Sandbox sandbox = make_sandbox(small_policy());
  const auto real = review(body.dump(), sandbox, kNew);
  body["request"]["dryRun"] = true;
  const auto dry = review(body.dump(), sandbox, kNew);
  REQUIRE(real);
  REQUIRE(dry);
  CHECK_FALSE(real->dry_run);
  CHECK(dry->dry_run);
  CHECK(dry->wire == real->wire);
}

TEST_CASE("what parse_review refuses has no answer") {
  const auto reviewed = review("{}", make_sandbox(small_policy()), kNew);
  REQUIRE_FALSE(reviewed);
  CHECK(reviewed.error().message == "apiVersion: expected admission.k8s.io/v1");
}

}  // namespace
}  // namespace webhook
