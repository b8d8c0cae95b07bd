#include "admission/decision.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

const ClusterState kSupported{.version = {1, 33}};

/// One way to match a row of the table.
struct Row {
  Reason reason;
  void (*match)(AdmissionRequest&, ClusterState&);
};

void carry_sandbox(AdmissionRequest& request, ClusterState&) {
  PodFacts& pod = request.pod;
  pod.host_users = false;
  pod.has_checksum = true;
  pod.context = {.kind = ContextKind::kOurs, .unmasks_proc = true, .has_current_profile = true};
  for (Named* named : {&pod.profile_volume, &pod.host_volume, &pod.installer}) {
    named->first = 0;
    named->first_is_ours = true;
  }
}

// In the order of the table.
// clang-format off
constexpr Row kRows[] = {
    {Reason::kNotAPodCreate,           [](AdmissionRequest& r, ClusterState&) { r.is_pod_create = false; }},
    {Reason::kMirrorPod,               [](AdmissionRequest& r, ClusterState&) { r.pod.is_mirror = true; }},
    {Reason::kWindows,                 [](AdmissionRequest& r, ClusterState&) { r.pod.is_windows = true; }},
    {Reason::kNoTargetContainer,       [](AdmissionRequest& r, ClusterState&) { r.pod.target.reset(); }},
    {Reason::kOptedOut,                [](AdmissionRequest& r, ClusterState&) { r.pod.mode = "off"; }},
    {Reason::kRunsWithoutNsjail,       [](AdmissionRequest& r, ClusterState&) { r.pod.runs_without_nsjail = true; }},
    {Reason::kExplicitSecurityContext, [](AdmissionRequest& r, ClusterState&) { r.pod.context.kind = ContextKind::kExplicit; }},
    {Reason::kClusterTooOld,           [](AdmissionRequest&, ClusterState& c) { c.version = {1, 32}; }},
    {Reason::kHostNamespace,           [](AdmissionRequest& r, ClusterState&) { r.pod.uses_host_namespace = true; }},
    {Reason::kHostUsersRequested,      [](AdmissionRequest& r, ClusterState&) { r.pod.host_users = true; }},
    {Reason::kRawBlockVolume,          [](AdmissionRequest& r, ClusterState&) { r.pod.has_raw_block_volume = true; }},
    {Reason::kUnmappableVolume,        [](AdmissionRequest& r, ClusterState&) { r.pod.has_unmappable_volume = true; }},
    {Reason::kUnmappedId,              [](AdmissionRequest& r, ClusterState&) { r.pod.has_unmapped_id = true; }},
    {Reason::kNoCapableNode,           [](AdmissionRequest& r, ClusterState&) { r.pod.placement.outlook = NodeOutlook::kAllBad; }},
    {Reason::kNameConflict,            [](AdmissionRequest& r, ClusterState&) { r.pod.has_foreign_mount = true; }},
    {Reason::kAlreadySandboxed,        carry_sandbox},
    {Reason::kSupported,               [](AdmissionRequest&, ClusterState&) {}},
};
// clang-format on

bool is_fallback(Reason reason) {
  return reason >= Reason::kClusterTooOld && reason <= Reason::kNoCapableNode;
}

/// One that says something of nodes, too.
Policy policy_with(Fallback fallback) {
  Policy policy;
  policy.fallback = fallback;
  policy.node_fallback = fallback;
  return policy;
}

const Policy kPolicy = policy_with(Fallback::kPrivileged);

Decision decide_row(const Row& row, const Policy& policy = kPolicy, const char* mode = "") {
  AdmissionRequest request = creation_of({});
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
    // Row 6 has the reason of row 9.
    const int number = static_cast<int>(&row - kRows) + 1;
    CHECK(decision.row == (number < 6 ? number : number + 1));
    const Outcome want = is_fallback(row.reason)               ? Outcome::kPrivileged
                         : row.reason == Reason::kNameConflict ? Outcome::kDenied
                         : row.reason == Reason::kSupported    ? Outcome::kSandboxed
                                                               : Outcome::kUnchanged;
    CHECK((decision.outcome == want));
  }
}

TEST_CASE("a pod that insists is sandboxed, already sandboxed or denied") {
  for (const Row& row : kRows) {
    if (row.reason <= Reason::kWindows || row.reason == Reason::kOptedOut) continue;
    CAPTURE(to_string(row.reason));
    const Outcome outcome = decide_row(row, kPolicy, "sandbox").outcome;
    const Outcome want = row.reason == Reason::kSupported          ? Outcome::kSandboxed
                         : row.reason == Reason::kAlreadySandboxed ? Outcome::kUnchanged
                                                                   : Outcome::kDenied;
    CHECK((outcome == want));
  }
}

TEST_CASE("a pod that carries the sandbox insists on it") {
  for (const Row& row : kRows) {
    if (!is_fallback(row.reason)) continue;
    CAPTURE(to_string(row.reason));
    AdmissionRequest request = creation_of({});
    ClusterState cluster = kSupported;
    carry_sandbox(request, cluster);
    row.match(request, cluster);
    CHECK((decide(request, kPolicy, cluster).outcome == Outcome::kDenied));
  }
}

TEST_CASE("a pod that matches two rows gets the first") {
  for (const Row& first : kRows) {
    for (const Row& second : kRows) {
      // These would undo each other, or are two rows of one reason.
      if (first.reason >= second.reason || second.reason == Reason::kAlreadySandboxed) continue;
      AdmissionRequest request = creation_of({});
      ClusterState cluster = kSupported;
      second.match(request, cluster);
      first.match(request, cluster);
      CAPTURE(to_string(first.reason));
      CAPTURE(to_string(second.reason));
      const Decision decision = decide(request, kPolicy, cluster);
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
    const Policy policy = policy_with(c.fallback);
    for (const Row& row : kRows) {
      if (!is_fallback(row.reason)) continue;
      CAPTURE(to_string(row.reason));
      CAPTURE(c.mode);
      CHECK((decide_row(row, policy, c.mode).outcome == c.want));
    }
  }
}

TEST_CASE("bad nodes have a fallback of their own, and none unless it is asked for") {
  AdmissionRequest request = creation_of({});
  request.pod.placement.outlook = NodeOutlook::kAllBad;
  Policy policy;
  for (const Fallback other : {Fallback::kPrivileged, Fallback::kUnchanged, Fallback::kDeny}) {
    policy.fallback = other;
    policy.node_fallback = std::nullopt;
    CHECK((decide(request, policy, kSupported).outcome == Outcome::kSandboxed));
    policy.node_fallback = Fallback::kUnchanged;
    const Decision decision = decide(request, policy, kSupported);
    CHECK((decision.outcome == Outcome::kUnchanged));
    CHECK((decision.reason == Reason::kNoCapableNode));
    CHECK(decision.is_fallback);
  }
  for (const NodeOutlook outlook :
       {NodeOutlook::kNotKnown, NodeOutlook::kNone, NodeOutlook::kClear, NodeOutlook::kSomeBad}) {
    request.pod.placement.outlook = outlook;
    CHECK((decide(request, policy, kSupported).outcome == Outcome::kSandboxed));
  }
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
    ContextKind context;
    Reason want;
  };
  using enum ContextKind;
  for (const Case& c : {
           Case{false, "", kChartDefault, Reason::kExplicitSecurityContext},
           Case{false, "unknown", kChartDefault, Reason::kExplicitSecurityContext},
           Case{true, "", kChartDefault, Reason::kSupported},
           Case{false, "sandbox", kChartDefault, Reason::kSupported},
           Case{true, "sandbox", kExplicit, Reason::kExplicitSecurityContext},
           Case{false, "", kOurs, Reason::kSupported},
       }) {
    AdmissionRequest request = creation_of({});
    request.pod.mode = c.mode;
    request.pod.context.kind = c.context;
    Policy policy;
    policy.replace_chart_default = c.replace;
    CAPTURE(c.mode);
    CAPTURE(c.replace);
    CHECK((decide(request, policy, kSupported).reason == c.want));
  }
}

TEST_CASE("user code without nsjail is left alone only where it is not privileged") {
  AdmissionRequest request = creation_of({});
  request.pod.runs_without_nsjail = true;
  CHECK((decide(request, {}, kSupported).reason == Reason::kRunsWithoutNsjail));
  request.pod.context = {.kind = ContextKind::kChartDefault, .is_privileged = true};
  CHECK((decide(request, {}, kSupported).reason == Reason::kExplicitSecurityContext));
  request.pod.mode = "sandbox";
  CHECK((decide(request, {}, kSupported).outcome == Outcome::kSandboxed));
  request.pod.mode = "";
  request.pod.context = {.kind = ContextKind::kOurs};
  CHECK((decide(request, {}, kSupported).outcome == Outcome::kSandboxed));
}

TEST_CASE("a pod is already sandboxed only if nothing is missing and nothing is left over") {
  using Undo = void (*)(PodFacts&);
  for (const Undo undo : {
           Undo{[](PodFacts& pod) { pod.host_users.reset(); }},
           Undo{[](PodFacts& pod) { pod.has_checksum = false; }},
           Undo{[](PodFacts& pod) { pod.profile_annotation = Presence::kForeign; }},
           Undo{[](PodFacts& pod) { pod.context.has_current_profile = false; }},
           Undo{[](PodFacts& pod) { pod.context.app_armor = AppArmorEdit::kSet; }},
           Undo{[](PodFacts& pod) { pod.profile_volume.first.reset(); }},
           Undo{[](PodFacts& pod) { pod.host_volume.first_is_ours = false; }},
           Undo{[](PodFacts& pod) { pod.host_volume.others = {1}; }},
           Undo{[](PodFacts& pod) { pod.installer.first = 1; }},
           Undo{[](PodFacts& pod) { pod.installer.others = {1}; }},
           Undo{[](PodFacts& pod) { pod.placement.changes_mark = true; }},
           Undo{[](PodFacts& pod) { pod.placement.edits.resize(1); }},
       }) {
    AdmissionRequest request = creation_of({});
    ClusterState cluster = kSupported;
    carry_sandbox(request, cluster);
    CHECK((decide(request, {}, cluster).reason == Reason::kAlreadySandboxed));
    undo(request.pod);
    CHECK((decide(request, {}, cluster).outcome == Outcome::kSandboxed));
  }
}

TEST_CASE("how the profile is delivered says what must be there") {
  AdmissionRequest request = creation_of({});
  ClusterState cluster = kSupported;
  carry_sandbox(request, cluster);
  Policy policy;
  policy.delivery = Delivery::kAnnotation;
  CHECK((decide(request, policy, cluster).reason == Reason::kSupported));
  request.pod.profile_annotation = Presence::kOurs;
  CHECK((decide(request, policy, cluster).reason == Reason::kAlreadySandboxed));
  policy.delivery = Delivery::kPreinstalled;
  CHECK((decide(request, policy, cluster).reason == Reason::kSupported));
  request.pod.profile_annotation = Presence::kAbsent;
  request.pod.profile_volume = request.pod.host_volume = request.pod.installer = {};
  CHECK((decide(request, policy, cluster).reason == Reason::kAlreadySandboxed));
}

TEST_CASE("a pod with hostUsers: false is never made privileged") {
  AdmissionRequest request = creation_of({});
  request.pod.host_users = false;
  request.pod.has_unmapped_id = true;
  CHECK((decide(request, {}, kSupported).outcome == Outcome::kDenied));
  Policy policy;
  policy.fallback = Fallback::kUnchanged;
  CHECK((decide(request, policy, kSupported).outcome == Outcome::kUnchanged));
}

TEST_CASE("each of our names in other hands is a conflict, but where the context is ours") {
  for (const auto named :
       {&PodFacts::profile_volume, &PodFacts::host_volume, &PodFacts::installer}) {
    AdmissionRequest request = creation_of({});
    (request.pod.*named).first = 0;
    (request.pod.*named).first_is_ours = true;
    CHECK((decide(request, {}, kSupported).reason == Reason::kSupported));
    (request.pod.*named).all_are_ours = false;
    CHECK((decide(request, {}, kSupported).reason == Reason::kNameConflict));
    request.pod.context.kind = ContextKind::kOurs;
    CHECK((decide(request, {}, kSupported).reason == Reason::kSupported));
  }
  for (const auto fact : {&PodFacts::has_container_of_our_name, &PodFacts::has_foreign_mount}) {
    for (const auto kind : {ContextKind::kAbsent, ContextKind::kOurs}) {
      AdmissionRequest request = creation_of({});
      request.pod.context.kind = kind;
      request.pod.*fact = true;
      CHECK((decide(request, {}, kSupported).reason == Reason::kNameConflict));
    }
  }
}

TEST_CASE("a reason can lead to what its rows lead to, and to nothing else") {
  CHECK(can_lead_to(Reason::kNoTargetContainer, Outcome::kUnchanged));
  CHECK(can_lead_to(Reason::kNoTargetContainer, Outcome::kDenied));
  CHECK_FALSE(can_lead_to(Reason::kNoTargetContainer, Outcome::kPrivileged));
  CHECK_FALSE(can_lead_to(Reason::kOptedOut, Outcome::kDenied));
  CHECK(can_lead_to(Reason::kUnmappedId, Outcome::kPrivileged));
  CHECK_FALSE(can_lead_to(Reason::kUnmappedId, Outcome::kSandboxed));
  CHECK(can_lead_to(Reason::kClusterTooOld, Outcome::kPrivileged));
  CHECK_FALSE(can_lead_to(Reason::kNameConflict, Outcome::kUnchanged));
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
