#include "admission/decision.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

namespace webhook {
namespace {

constexpr ClusterState kSupported{.version = {1, 33}};

/// The creation of a pod that can be sandboxed.
AdmissionRequest supported_request() {
  AdmissionRequest request;
  request.is_pod_create = true;
  request.pod.target = 0;
  return request;
}

/// One way to match a row of the table.
struct Row {
  Reason reason;
  void (*match)(AdmissionRequest&, ClusterState&);
};

void carry_sandbox(AdmissionRequest& request, ClusterState&) {
  PodFacts& pod = request.pod;
  pod.host_users = false;
  pod.has_checksum = true;
  pod.target_context = TargetContext::kOurs;
  pod.profile_volume = pod.host_volume = pod.installer = Presence::kOurs;
}

// In the order of the table.
// clang-format off
constexpr Row kRows[] = {
    {Reason::kNotAPodCreate,           [](AdmissionRequest& r, ClusterState&) { r.is_pod_create = false; }},
    {Reason::kMirrorPod,               [](AdmissionRequest& r, ClusterState&) { r.pod.is_mirror = true; }},
    {Reason::kWindows,                 [](AdmissionRequest& r, ClusterState&) { r.pod.is_windows = true; }},
    {Reason::kNoTargetContainer,       [](AdmissionRequest& r, ClusterState&) { r.pod.target.reset(); }},
    {Reason::kOptedOut,                [](AdmissionRequest& r, ClusterState&) { r.pod.mode = "off"; }},
    {Reason::kAlreadySandboxed,        carry_sandbox},
    {Reason::kRunsWithoutNsjail,       [](AdmissionRequest& r, ClusterState&) { r.pod.runs_without_nsjail = true; }},
    {Reason::kExplicitSecurityContext, [](AdmissionRequest& r, ClusterState&) { r.pod.target_context = TargetContext::kExplicit; }},
    {Reason::kClusterTooOld,           [](AdmissionRequest&, ClusterState& c) { c.version = {1, 32}; }},
    {Reason::kHostNamespace,           [](AdmissionRequest& r, ClusterState&) { r.pod.uses_host_namespace = true; }},
    {Reason::kHostUsersRequested,      [](AdmissionRequest& r, ClusterState&) { r.pod.host_users = true; }},
    {Reason::kRawBlockVolume,          [](AdmissionRequest& r, ClusterState&) { r.pod.has_raw_block_volume = true; }},
    {Reason::kNoCapableNode,           [](AdmissionRequest&, ClusterState& c) { c.has_capable_node = false; }},
    {Reason::kNameConflict,            [](AdmissionRequest& r, ClusterState&) { r.pod.installer = Presence::kForeign; }},
    {Reason::kSupported,               [](AdmissionRequest&, ClusterState&) {}},
};
// clang-format on

bool is_fallback(Reason reason) {
  return reason >= Reason::kClusterTooOld && reason <= Reason::kNoCapableNode;
}

Decision decide_row(const Row& row, const Policy& policy = {}, const char* mode = "") {
  AdmissionRequest request = supported_request();
  request.pod.mode = mode;
  ClusterState cluster = kSupported;
  row.match(request, cluster);
  return decide(request, policy, cluster);
}

TEST_CASE("each row of the table leads to its outcome") {
  for (const Row& row : kRows) {
    CAPTURE(to_string(row.reason));
    const Decision decision = decide_row(row);
    CHECK((decision.reason == row.reason));
    CHECK(decision.is_fallback == is_fallback(row.reason));
    const Outcome want = is_fallback(row.reason)               ? Outcome::kPrivileged
                         : row.reason == Reason::kNameConflict ? Outcome::kDenied
                         : row.reason == Reason::kSupported    ? Outcome::kSandboxed
                                                               : Outcome::kUnchanged;
    CHECK((decision.outcome == want));
  }
}

TEST_CASE("a pod that matches two rows gets the first") {
  for (const Row& first : kRows) {
    for (const Row& second : kRows) {
      // These two set the same fact, and would undo each other.
      if (first.reason >= second.reason || second.reason == Reason::kAlreadySandboxed) continue;
      AdmissionRequest request = supported_request();
      ClusterState cluster = kSupported;
      second.match(request, cluster);
      first.match(request, cluster);
      CAPTURE(to_string(first.reason));
      CAPTURE(to_string(second.reason));
      const Decision decision = decide(request, {}, cluster);
      CHECK((decision.reason == first.reason));
    }
  }
}

TEST_CASE("the fallback is the policy's, and never privileged where the sandbox is insisted on") {
  struct Case {
    Fallback fallback;
    const char* mode;
    Outcome want;
  };
  for (const Case& c : {
           Case{Fallback::kPrivileged, "", Outcome::kPrivileged},
           Case{Fallback::kUnchanged, "", Outcome::kUnchanged},
           Case{Fallback::kDeny, "", Outcome::kDenied},
           Case{Fallback::kPrivileged, "sandbox", Outcome::kDenied},
           Case{Fallback::kUnchanged, "sandbox", Outcome::kDenied},
           Case{Fallback::kDeny, "sandbox", Outcome::kDenied},
           Case{Fallback::kPrivileged, "unknown", Outcome::kPrivileged},
       }) {
    Policy policy;
    policy.fallback = c.fallback;
    for (const Row& row : kRows) {
      if (!is_fallback(row.reason)) continue;
      CAPTURE(to_string(row.reason));
      CAPTURE(c.mode);
      CHECK((decide_row(row, policy, c.mode).outcome == c.want));
    }
  }
}

TEST_CASE("nothing sandboxes below 1.33, whatever the policy and the label say") {
  Policy policy;
  policy.minimum_version = {1, 20};
  policy.replace_chart_default = true;
  for (const KubeVersion version : {KubeVersion{1, 32}, KubeVersion{1, 20}, KubeVersion{0, 0}}) {
    for (const char* mode : {"", "sandbox", "on"}) {
      for (const auto context : {TargetContext::kAbsent, TargetContext::kChartDefault}) {
        AdmissionRequest request = supported_request();
        request.pod.mode = mode;
        request.pod.target_context = context;
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
  CHECK(
      (decide(supported_request(), policy, {.version = {1, 34}}).reason == Reason::kClusterTooOld));
  CHECK((decide(supported_request(), policy, {.version = {1, 35}}).reason == Reason::kSupported));
  CHECK((decide(supported_request(), policy, {.version = {2, 0}}).reason == Reason::kSupported));
}

TEST_CASE("the label says off, sandbox or nothing") {
  struct Case {
    const char* mode;
    Reason want;
  };
  for (const Case& c : {
           Case{"", Reason::kSupported},
           Case{"sandbox", Reason::kSupported},
           Case{"off", Reason::kOptedOut},
           Case{"Off", Reason::kSupported},
           Case{"false", Reason::kSupported},
           Case{"off ", Reason::kSupported},
       }) {
    CAPTURE(c.mode);
    CHECK((decide_row({c.want, [](AdmissionRequest&, ClusterState&) {}}, {}, c.mode).reason ==
           c.want));
  }
}

TEST_CASE("the chart's default is replaced only where the policy or the label asks for it") {
  struct Case {
    bool replace;
    const char* mode;
    TargetContext context;
    Reason want;
  };
  using enum TargetContext;
  for (const Case& c : {
           Case{false, "", kChartDefault, Reason::kExplicitSecurityContext},
           Case{false, "unknown", kChartDefault, Reason::kExplicitSecurityContext},
           Case{true, "", kChartDefault, Reason::kSupported},
           Case{false, "sandbox", kChartDefault, Reason::kSupported},
           Case{true, "sandbox", kExplicit, Reason::kExplicitSecurityContext},
           Case{true, "", kOurs, Reason::kExplicitSecurityContext},
       }) {
    AdmissionRequest request = supported_request();
    request.pod.mode = c.mode;
    request.pod.target_context = c.context;
    Policy policy;
    policy.replace_chart_default = c.replace;
    CAPTURE(c.mode);
    CAPTURE(c.replace);
    CHECK((decide(request, policy, kSupported).reason == c.want));
  }
}

TEST_CASE("a pod is already sandboxed only if nothing is missing") {
  using Undo = void (*)(PodFacts&);
  for (const Undo undo : {
           Undo{[](PodFacts& pod) { pod.host_users.reset(); }},
           Undo{[](PodFacts& pod) { pod.has_checksum = false; }},
           Undo{[](PodFacts& pod) { pod.target_context = TargetContext::kAbsent; }},
           Undo{[](PodFacts& pod) { pod.profile_volume = Presence::kAbsent; }},
           Undo{[](PodFacts& pod) { pod.host_volume = Presence::kAbsent; }},
           Undo{[](PodFacts& pod) { pod.installer = Presence::kAbsent; }},
       }) {
    AdmissionRequest request = supported_request();
    ClusterState cluster = kSupported;
    carry_sandbox(request, cluster);
    undo(request.pod);
    CHECK((decide(request, {}, cluster).reason != Reason::kAlreadySandboxed));
  }
  AdmissionRequest request = supported_request();
  ClusterState cluster = kSupported;
  carry_sandbox(request, cluster);
  Policy policy;
  policy.delivery = Delivery::kAnnotation;
  CHECK((decide(request, policy, cluster).reason != Reason::kAlreadySandboxed));
  request.pod.has_profile_annotation = true;
  CHECK((decide(request, policy, cluster).reason == Reason::kAlreadySandboxed));
}

TEST_CASE("an API server that drops the sandbox counts as too old, whatever its version") {
  for (const KubeVersion version : {KubeVersion{1, 33}, KubeVersion{1, 40}}) {
    const ClusterState cluster{.version = version, .drops_sandbox = true};
    CHECK((decide(supported_request(), {}, cluster).reason == Reason::kClusterTooOld));
    AdmissionRequest request = supported_request();
    request.pod.mode = "sandbox";
    CHECK((decide(request, {}, cluster).outcome == Outcome::kDenied));
  }
}

TEST_CASE("each of our names in other hands is a conflict") {
  for (const auto presence :
       {&PodFacts::profile_volume, &PodFacts::host_volume, &PodFacts::installer}) {
    AdmissionRequest request = supported_request();
    request.pod.*presence = Presence::kOurs;
    CHECK((decide(request, {}, kSupported).reason == Reason::kSupported));
    request.pod.*presence = Presence::kForeign;
    CHECK((decide(request, {}, kSupported).reason == Reason::kNameConflict));
  }
}

TEST_CASE("every outcome and reason has a word of its own") {
  std::set<std::string_view> words;
  for (const Outcome outcome : kAllOutcomes) words.insert(to_string(outcome));
  CHECK(words == std::set<std::string_view>{"unchanged", "sandboxed", "privileged", "denied"});
  words.clear();
  for (const Reason reason : kAllReasons) words.insert(to_string(reason));
  CHECK(words.size() == std::size(kRows));
}

}  // namespace
}  // namespace webhook
