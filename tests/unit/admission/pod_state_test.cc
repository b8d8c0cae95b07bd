#include "admission/pod_state.h"

#include <functional>
#include <set>

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

/// What the API server has once our patch is applied to `pod`.
Json sandboxed(const Json& pod) {
  const auto reviewed = review(to_review(pod).dump(), small_sandbox(), {.version = {1, 34}});
  return pod.patch(to_operations(reviewed->patch));
}

PodState state_of(const Json& pod, Policy policy = small_policy(),
                  ClusterState cluster = {{1, 34}}) {
  const Sandbox sandbox = make_sandbox(std::move(policy));
  const auto request = parse_review(to_review(pod).dump(), sandbox);
  REQUIRE(request.has_value());
  return to_pod_state(*request, decide(*request, sandbox.policy, cluster));
}

Json& context_of(Json& pod) { return pod["spec"]["containers"][0]["securityContext"]; }

TEST_CASE("the state of a pod follows from what it has") {
  struct Row {
    const char* what;
    std::function<void(Json&)> change;
    PodState want;
  };
  const std::string digest(64, 'a');
  for (const Row& row : std::vector<Row>{
           {"plain", [](Json&) {}, PodState::kMissed},
           {"sandboxed", [](Json& p) { p = sandboxed(p); }, PodState::kSandboxed},
           {"sandboxed, its installer changed by another webhook",
            [](Json& p) {
              p = sandboxed(p);
              p["spec"]["initContainers"][0]["env"] = {{{"name", "A"}, {"value", "b"}}};
            },
            PodState::kSandboxed},
           {"of another profile",
            [&](Json& p) {
              p = sandboxed(p);
              context_of(p)["seccompProfile"]["localhostProfile"] =
                  "profiles/nsjail-seccomp-" + digest + ".json";
            },
            PodState::kStaleProfile},
           {"of another checksum",
            [&](Json& p) {
              p = sandboxed(p);
              p["metadata"]["annotations"]["checksum/seccomp"] = digest;
            },
            PodState::kStaleProfile},
           {"of another AppArmor setting",
            [](Json& p) {
              p = sandboxed(p);
              context_of(p)["appArmorProfile"] = {{"type", "RuntimeDefault"}};
            },
            PodState::kStaleProfile},
           {"hostUsers was dropped",
            [](Json& p) {
              p = sandboxed(p);
              p["spec"].erase("hostUsers");
            },
            PodState::kWithoutUserNamespace},
           {"hostUsers and procMount were dropped",
            [](Json& p) {
              p = sandboxed(p);
              p["spec"].erase("hostUsers");
              context_of(p)["procMount"] = "Default";
            },
            PodState::kWithoutUserNamespace},
           {"the chart's own profile",
            [](Json& p) {
              context_of(p) = {
                  {"seccompProfile",
                   {{"type", "Localhost"}, {"localhostProfile", "profiles/nsjail-seccomp.json"}}}};
            },
            PodState::kUnchanged},
           {"privileged",
            [](Json& p) {
              context_of(p) = {{"privileged", true}};
            },
            PodState::kPrivileged},
           {"privileged, with a label that has it sandboxed",
            [](Json& p) {
              context_of(p) = {{"privileged", true}};
              p["metadata"]["labels"]["code-executor-webhook/mode"] = "sandbox";
            },
            PodState::kMissed},
           {"privileged by fallback",
            [](Json& p) {
              context_of(p) = {{"privileged", true}};
              p["spec"]["hostNetwork"] = true;
            },
            PodState::kPrivileged},
           {"should have fallen back", [](Json& p) { p["spec"]["hostNetwork"] = true; },
            PodState::kMissed},
           {"opted out",
            [](Json& p) { p["metadata"]["labels"]["code-executor-webhook/mode"] = "off"; },
            PodState::kUnchanged},
           {"a context of its own",
            [](Json& p) {
              context_of(p) = {{"runAsUser", 5}};
            },
            PodState::kUnchanged},
           {"a name conflict",
            [](Json& p) {
              p["spec"]["volumes"] = {{{"name", "host-seccomp"}, {"emptyDir", Json::object()}}};
            },
            PodState::kMissed},
       }) {
    CAPTURE(row.what);
    Json pod = plain_pod();
    row.change(pod);
    CHECK(to_string(state_of(pod)) == to_string(row.want));
  }
}

TEST_CASE("a fallback that leaves pods alone misses none") {
  Json pod = plain_pod();
  pod["spec"]["hostNetwork"] = true;
  Policy policy = small_policy();
  policy.fallback = Fallback::kUnchanged;
  CHECK((state_of(pod, policy) == PodState::kUnchanged));
  policy.replace_chart_default = true;
  context_of(pod) = {{"privileged", true}};
  CHECK((state_of(pod, policy) == PodState::kPrivileged));
  policy.fallback = Fallback::kPrivileged;
  CHECK((state_of(pod, policy) == PodState::kPrivileged));
  policy.fallback = Fallback::kDeny;
  CHECK((state_of(pod, policy) == PodState::kMissed));
}

TEST_CASE("a bad node is one for what has the sandbox only") {
  const Sandbox sandbox = make_sandbox(small_policy());
  const auto state_on_bad_node = [&](const Json& pod) {
    const auto request = parse_review(to_review(pod).dump(), sandbox);
    REQUIRE(request.has_value());
    const Decision decision = decide(*request, sandbox.policy, {{1, 34}});
    return std::string(to_string(to_pod_state(*request, decision, true)));
  };
  Json pod = sandboxed(plain_pod());
  CHECK(state_on_bad_node(pod) == "on_bad_node");
  pod["metadata"]["annotations"]["checksum/seccomp"] = std::string(64, 'a');
  CHECK(state_on_bad_node(pod) == "on_bad_node");
  pod["spec"].erase("hostUsers");
  CHECK(state_on_bad_node(pod) == "without_user_namespace");
  CHECK(state_on_bad_node(plain_pod()) == "missed");
  context_of(pod) = {{"privileged", true}};
  CHECK(state_on_bad_node(pod) == "privileged");
}

TEST_CASE("each state has a word of its own") {
  std::set<std::string_view> words;
  for (const PodState state : kAllPodStates) words.insert(to_string(state));
  CHECK(words.size() == kAllPodStates.size());
}

}  // namespace
}  // namespace webhook
