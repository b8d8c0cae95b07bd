#include "admission/decision.h"

#include <algorithm>

namespace webhook {
namespace {

struct Question {
  const AdmissionRequest& request;
  const PodFacts& pod;
  const Policy& policy;
  const ClusterState& cluster;
};

bool is_already_sandboxed(const Question& q) {
  const bool has_profile =
      q.policy.delivery == Delivery::kConfigMap || q.pod.has_profile_annotation;
  return q.pod.host_users == false && q.pod.has_checksum && has_profile &&
         q.pod.target_context == TargetContext::kOurs && q.pod.profile_volume == Presence::kOurs &&
         q.pod.host_volume == Presence::kOurs && q.pod.installer == Presence::kOurs;
}

/// The gate that keeps a pod with NET_ADMIN out of the host's user namespace: no policy lowers it.
bool is_too_old(const Question& q) {
  return q.cluster.drops_sandbox ||
         q.cluster.version < std::max(q.policy.minimum_version, kOldestSandboxVersion);
}

bool has_name_conflict(const Question& q) {
  return q.pod.profile_volume == Presence::kForeign || q.pod.host_volume == Presence::kForeign ||
         q.pod.installer == Presence::kForeign;
}

/// What a row leads to.
enum class Then { kLeave, kFallBack, kDeny, kSandbox };

struct Row {
  bool (*when)(const Question&);
  Then then;
  Reason reason;
};

// The decision table of README, "The decision". The first row that matches wins.
// clang-format off
constexpr Row kTable[] = {
    {[](const Question& q) { return !q.request.is_pod_create; },                      Then::kLeave,    Reason::kNotAPodCreate},
    {[](const Question& q) { return q.pod.is_mirror; },                               Then::kLeave,    Reason::kMirrorPod},
    {[](const Question& q) { return q.pod.is_windows; },                              Then::kLeave,    Reason::kWindows},
    {[](const Question& q) { return !q.pod.target.has_value(); },                     Then::kLeave,    Reason::kNoTargetContainer},
    {[](const Question& q) { return q.pod.mode == "off"; },                           Then::kLeave,    Reason::kOptedOut},
    {is_already_sandboxed,                                                            Then::kLeave,    Reason::kAlreadySandboxed},
    {[](const Question& q) { return q.pod.runs_without_nsjail; },                     Then::kLeave,    Reason::kRunsWithoutNsjail},
    {[](const Question& q) { return !context_is_free(q.pod, q.policy); },             Then::kLeave,    Reason::kExplicitSecurityContext},
    {is_too_old,                                                                      Then::kFallBack, Reason::kClusterTooOld},
    {[](const Question& q) { return q.pod.uses_host_namespace; },                     Then::kFallBack, Reason::kHostNamespace},
    {[](const Question& q) { return q.pod.host_users == true; },                      Then::kFallBack, Reason::kHostUsersRequested},
    {[](const Question& q) { return q.pod.has_raw_block_volume; },                    Then::kFallBack, Reason::kRawBlockVolume},
    {[](const Question& q) { return !q.cluster.has_capable_node; },                   Then::kFallBack, Reason::kNoCapableNode},
    {has_name_conflict,                                                               Then::kDeny,     Reason::kNameConflict},
    {[](const Question&) { return true; },                                            Then::kSandbox,  Reason::kSupported},
};
// clang-format on

Outcome fallback(const Question& q) {
  if (insists_on_sandbox(q.pod)) return Outcome::kDenied;
  switch (q.policy.fallback) {
    case Fallback::kUnchanged: return Outcome::kUnchanged;
    case Fallback::kDeny: return Outcome::kDenied;
    case Fallback::kPrivileged: break;
  }
  return Outcome::kPrivileged;
}

Outcome to_outcome(Then then, const Question& q) {
  switch (then) {
    case Then::kLeave: return Outcome::kUnchanged;
    case Then::kFallBack: return fallback(q);
    case Then::kDeny: return Outcome::kDenied;
    case Then::kSandbox: break;
  }
  return Outcome::kSandboxed;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kUnchanged: return "unchanged";
    case Outcome::kSandboxed: return "sandboxed";
    case Outcome::kPrivileged: return "privileged";
    case Outcome::kDenied: break;
  }
  return "denied";
}

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::kNotAPodCreate: return "not_a_pod_create";
    case Reason::kMirrorPod: return "mirror_pod";
    case Reason::kWindows: return "windows";
    case Reason::kNoTargetContainer: return "no_target_container";
    case Reason::kOptedOut: return "opted_out";
    case Reason::kAlreadySandboxed: return "already_sandboxed";
    case Reason::kRunsWithoutNsjail: return "runs_without_nsjail";
    case Reason::kExplicitSecurityContext: return "explicit_security_context";
    case Reason::kClusterTooOld: return "cluster_too_old";
    case Reason::kHostNamespace: return "host_namespace";
    case Reason::kHostUsersRequested: return "host_users_requested";
    case Reason::kRawBlockVolume: return "raw_block_volume";
    case Reason::kNoCapableNode: return "no_capable_node";
    case Reason::kNameConflict: return "name_conflict";
    case Reason::kSupported: break;
  }
  return "supported";
}

bool can_lead_to(Reason reason, Outcome outcome) {
  const Row* row = kTable;
  while (row->reason != reason) ++row;  // ends: every reason has its row
  switch (row->then) {
    case Then::kLeave: return outcome == Outcome::kUnchanged;
    case Then::kDeny: return outcome == Outcome::kDenied;
    case Then::kSandbox: return outcome == Outcome::kSandboxed;
    case Then::kFallBack: break;
  }
  return outcome != Outcome::kSandboxed;
}

bool insists_on_sandbox(const PodFacts& pod) { return pod.mode == "sandbox"; }

bool context_is_free(const PodFacts& pod, const Policy& policy) {
  if (pod.target_context == TargetContext::kAbsent) return true;
  return pod.target_context == TargetContext::kChartDefault &&
         (policy.replace_chart_default || insists_on_sandbox(pod));
}

Decision decide(const AdmissionRequest& request, const Policy& policy,
                const ClusterState& cluster) {
  const Question question{request, request.pod, policy, cluster};
  const Row* row = kTable;
  while (!row->when(question)) ++row;  // ends: the last row always matches
  return {.outcome = to_outcome(row->then, question),
          .reason = row->reason,
          .is_fallback = row->then == Then::kFallBack};
}

}  // namespace webhook
