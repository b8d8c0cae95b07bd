// The gate: no pod gets NET_ADMIN on a cluster that would take its user namespace away.
#include <string>

#include <doctest/doctest.h>

#include "admission/decision.h"
#include "support/reviews.h"

namespace webhook {
namespace {

TEST_CASE("nothing sandboxes below 1.33, whatever the policy and the label say") {
  Policy policy;
  policy.minimum_version = {1, 20};
  policy.replace_chart_default = true;
  for (const KubeVersion version : {KubeVersion{1, 32}, KubeVersion{1, 20}, KubeVersion{0, 0}}) {
    for (const char* mode : {"", "sandbox", "on"}) {
      for (const auto context : {ContextKind::kAbsent, ContextKind::kChartDefault}) {
        AdmissionRequest request = creation_of({});
        request.pod.mode = mode;
        request.pod.context.kind = context;
        const Decision decision = decide(request, policy, {.version = version});
        CHECK((decision.reason == Reason::kClusterTooOld));
        CHECK((decision.outcome != Outcome::kSandboxed));
      }
    }
  }
}

TEST_CASE("the policy can raise the minimum version") {
  Policy policy;
  policy.minimum_version = {1, 35};
  CHECK((decide(creation_of({}), policy, {.version = {1, 34}}).reason == Reason::kClusterTooOld));
  CHECK((decide(creation_of({}), policy, {.version = {1, 35}}).reason == Reason::kSupported));
  CHECK((decide(creation_of({}), policy, {.version = {2, 0}}).reason == Reason::kSupported));
}

TEST_CASE("an API server that drops the sandbox counts as too old, whatever its version") {
  for (const KubeVersion version : {KubeVersion{1, 33}, KubeVersion{1, 40}}) {
    const ClusterState cluster{.version = version, .drops_sandbox = true};
    CHECK((decide(creation_of({}), {}, cluster).reason == Reason::kClusterTooOld));
    AdmissionRequest request = creation_of({});
    request.pod.mode = "sandbox";
    CHECK((decide(request, {}, cluster).outcome == Outcome::kDenied));
  }
}

TEST_CASE("what a cluster would drop from a pod is denied, whatever else it has, but for off") {
  using Have = void (*)(PodFacts&);
  for (const Have have : {Have{[](PodFacts& pod) { pod.host_users = false; }},
                          Have{[](PodFacts& pod) { pod.context.unmasks_proc = true; }}}) {
    for (const auto kind : {ContextKind::kAbsent, ContextKind::kOurs, ContextKind::kChartDefault,
                            ContextKind::kExplicit}) {
      for (const auto fallback : {Fallback::kPrivileged, Fallback::kUnchanged, Fallback::kDeny}) {
        AdmissionRequest request = creation_of({});
        request.pod.context.kind = kind;
        request.pod.runs_without_nsjail = true;
        have(request.pod);
        Policy policy;
        policy.fallback = fallback;
        const Decision decision = decide(request, policy, {.version = {1, 32}});
        CHECK((decision.outcome == Outcome::kDenied));
        CHECK((decision.reason == Reason::kClusterTooOld));
        CHECK_FALSE(decision.is_fallback);
        request.pod.mode = "off";
        CHECK((decide(request, policy, {.version = {1, 32}}).reason == Reason::kOptedOut));
      }
    }
  }
}

TEST_CASE("while API servers differ nothing becomes privileged, or is left alone, by the gate") {
  for (const auto fallback : {Fallback::kPrivileged, Fallback::kUnchanged, Fallback::kDeny}) {
    Policy policy;
    policy.fallback = fallback;
    ClusterState cluster{.version = {1, 32}, .api_servers_differ = true};
    CHECK((decide(creation_of({}), policy, cluster).outcome == Outcome::kDenied));
    CHECK((decide(creation_of({}), policy, cluster).reason == Reason::kClusterTooOld));
    cluster = {.version = {1, 34}, .drops_sandbox = true, .api_servers_differ = true};
    CHECK((decide(creation_of({}), policy, cluster).outcome == Outcome::kDenied));
  }
  // They differ, and each can keep the sandbox: an upgrade from 1.34 to 1.35.
  const ClusterState both_can{.version = {1, 34}, .api_servers_differ = true};
  CHECK((decide(creation_of({}), {}, both_can).outcome == Outcome::kSandboxed));
}

}  // namespace
}  // namespace webhook
