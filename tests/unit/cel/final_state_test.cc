#include "cel/final_state.h"

#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

std::string manifest() {
  std::ifstream in(FINAL_STATE_POLICY);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string made(const Policy& policy) {
  const auto text = to_final_state(manifest(), policy);
  REQUIRE_MESSAGE(text, (text ? "" : text.error().message));
  return *text;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("by the defaults it is the manifest, and refuses first what is marked") {
  std::string text = made(small_policy());
  const std::string start = "  validations:\n";
  const std::string next =
      "    - expression: >-\n        variables.everyone.all(i, c, !c.?securityContext";
  const std::size_t from = text.find(start) + start.size();
  const std::size_t to = text.find(next);
  REQUIRE(from < to);
  const std::string added = text.substr(from, to - from);
  CHECK(contains(added, "['code-executor-webhook/denied'].substring("));
  CHECK(contains(added, "reason: Invalid"));
  CHECK(contains(added, "reason: Forbidden"));
  CHECK(text.erase(from, to - from) == manifest());
}

TEST_CASE("what takes the place of one default is not searched for another") {
  Policy policy = small_policy();
  policy.localhost_profile = "x'/var/lib/kubelet/seccomp'y-{sha256}";
  policy.kubelet_seccomp_dir = "/a'b/seccomp";
  CHECK(contains(made(policy), R"(string("x'/var/lib/kubelet/seccomp'y-{sha256}".replace()"));
  CHECK(contains(made(policy), R"(v.hostPath.path == "/a'b/seccomp")"));
}

TEST_CASE("each name of the configuration takes the place of its default") {
  Policy policy = small_policy();
  policy.container_name = "jail";
  CHECK(contains(made(policy), "c.name == 'jail'"));
  CHECK_FALSE(contains(made(policy), "c.name == 'code-executor'"));
  CHECK(contains(made(policy), "orValue('') == 'code-executor'"));  // the label's value

  policy = small_policy();
  policy.kubelet_seccomp_dir = "/mnt/k/seccomp";
  CHECK(contains(made(policy), "v.hostPath.path == '/mnt/k/seccomp'"));
  CHECK_FALSE(contains(made(policy), "'/var/lib/kubelet/seccomp'"));

  policy = small_policy();
  policy.config_map_name = "my.profile";
  CHECK(contains(made(policy), R"('^(code-executor-seccomp(-[0-9a-f]{64})?|my\\.profile)$')"));

  policy = small_policy();
  policy.installer_image = "mirror.example/busybox:1@sha256:" + std::string(64, 'a');
  CHECK(contains(made(policy), "'@sha256:" + std::string(64, 'a') + '\''));
  CHECK_FALSE(contains(made(policy), "@sha256:b3255e7"));
  policy.installer_image = "mirror.example/busybox:1";
  CHECK(contains(made(policy), "'mirror.example/busybox:1'"));
}

TEST_CASE("of a path every template is known, and what is special in it is quoted") {
  Policy policy = small_policy();
  policy.localhost_profile = "a.b/(c)'{sha256}+.json";
  const std::string text = made(policy);
  CHECK(contains(
      text,
      R"re("^(profiles/nsjail-seccomp(-[0-9a-f]{64})?[.]json|a\\.b/\\(c\\)\\'[0-9a-f]{64}\\+\\.json)$")re"));
  CHECK(contains(text, "string(\"a.b/(c)'{sha256}+.json\".replace('{sha256}', digest))"));
}

TEST_CASE("a manifest in which something has moved is refused") {
  Policy policy = small_policy();
  policy.container_name = "jail";
  const auto text = to_final_state("kind: ValidatingAdmissionPolicy\n", policy);
  REQUIRE_FALSE(text);
  CHECK(text.error().message ==
        "the final-state policy has no c.name == 'code-executor' to be replaced");
}

}  // namespace
}  // namespace webhook
