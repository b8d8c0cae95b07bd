#include "admission/decision.h"

#include <algorithm>
#include <iterator>

namespace webhook {
namespace {

struct Question {
  const AdmissionRequest& request;
  const PodFacts& pod;
  const Policy& policy;
  const ClusterState& cluster;
};

bool is_too_old(const Question& q) { return !can_keep_sandbox(q.policy, q.cluster); }

/// The API server would drop what the pod comes with, and keep the rest of it.
bool would_lose_its_sandbox(const Question& q) {
  return (q.pod.host_users == false || q.pod.context.unmasks_proc) && is_too_old(q);
}

bool runs_without_nsjail(const Question& q) {
  return q.pod.runs_without_nsjail && !q.pod.context.is_privileged &&
         q.pod.context.kind != ContextKind::kOurs;
}

constexpr std::string_view kRunsWithoutNsjail =
    "variables.runsWithoutNsjail && !variables.isPrivileged && variables.contextIs != 'ours'";

/// The chart's default counts as absent where that is asked for.
bool is_explicit(const Question& q) {
  switch (q.pod.context.kind) {
    case ContextKind::kAbsent:
    case ContextKind::kOurs: return false;
    case ContextKind::kChartDefault:
      return !q.policy.replace_chart_default && !insists_on_sandbox(q.pod);
    case ContextKind::kExplicit: break;
  }
  return true;
}

constexpr std::string_view kIsExplicit =
    "variables.contextIs == 'explicit' || variables.contextIs == 'chart_default' && "
    "!variables.replaceChartDefault && !variables.insists";

/// Where the context is ours, what differs is replaced; elsewhere it is somebody's.
bool has_name_conflict(const Question& q) {
  if (q.pod.has_container_of_our_name || q.pod.has_foreign_mount) return true;
  for (const Named* named : {&q.pod.profile_volume, &q.pod.host_volume, &q.pod.installer}) {
    if (named->has_too_many) return true;
  }
  const bool all_are_ours = q.pod.profile_volume.all_are_ours && q.pod.host_volume.all_are_ours &&
                            q.pod.installer.all_are_ours;
  return q.pod.context.kind != ContextKind::kOurs && !all_are_ours;
}

constexpr std::string_view kHasNameConflict =
    "variables.hasContainerOfOurName || variables.hasForeignMount || variables.hasTooMany || "
    "variables.contextIs != 'ours' && !variables.allAreOurs";

/// Nodes change, and a pod is privileged for life: unless asked to, nothing becomes of it but the
/// sandbox.
bool has_no_capable_node(const Question& q) {
  return q.policy.node_fallback && q.pod.placement.outlook == NodeOutlook::kAllBad;
}

struct Row {
  bool (*when)(const Question&);
  Then then;
  Reason reason;
  std::string_view cel;  ///< `when` for a policy.
};

/// The CEL of rows that no pod reaches where a policy decides.
constexpr std::string_view kNever = "false";

// The decision table of README, "The decision". The first row that matches wins.
// clang-format off
constexpr Row kTable[] = {
    {[](const Question& q) { return !q.request.is_pod_create; },                      Then::kLeave,       Reason::kNotAPodCreate, kNever},
    {[](const Question& q) { return q.pod.is_mirror; },                               Then::kLeave,       Reason::kMirrorPod, "variables.isMirror"},
    {[](const Question& q) { return q.pod.is_windows; },                              Then::kLeave,       Reason::kWindows, "variables.isWindows"},
    {[](const Question& q) { return !q.pod.target.has_value(); },                     Then::kLeaveOrDeny, Reason::kNoTargetContainer, "variables.targetIndex < 0"},
    {[](const Question& q) { return q.pod.mode == "off"; },                           Then::kLeave,       Reason::kOptedOut, "variables.mode == 'off'"},
    {would_lose_its_sandbox,                                                          Then::kDeny,        Reason::kClusterTooOld, kNever},
    {runs_without_nsjail,                                                             Then::kLeaveOrDeny, Reason::kRunsWithoutNsjail, kRunsWithoutNsjail},
    {is_explicit,                                                                     Then::kLeaveOrDeny, Reason::kExplicitSecurityContext, kIsExplicit},
    {is_too_old,                                                                      Then::kFallBack,    Reason::kClusterTooOld, kNever},
    {[](const Question& q) { return q.pod.uses_host_namespace; },                     Then::kFallBack,    Reason::kHostNamespace, "variables.usesHostNamespace"},
    {[](const Question& q) { return q.pod.host_users == true; },                      Then::kFallBack,    Reason::kHostUsersRequested, "variables.hostUsersIsTrue"},
    {[](const Question& q) { return q.pod.has_raw_block_volume; },                    Then::kFallBack,    Reason::kRawBlockVolume, "variables.hasRawBlockVolume"},
    {[](const Question& q) { return q.pod.has_unmappable_volume; },                   Then::kFallBack,    Reason::kUnmappableVolume, "variables.hasUnmappableVolume"},
    {[](const Question& q) { return q.pod.has_unmapped_id; },                         Then::kFallBack,    Reason::kUnmappedId, "variables.hasUnmappedId"},
    {has_no_capable_node,                                                             Then::kFallBack,    Reason::kNoCapableNode, kNever},
    {has_name_conflict,                                                               Then::kDeny,        Reason::kNameConflict, kHasNameConflict},
    {[](const Question& q) { return is_up_to_date(q.pod, q.policy.delivery); },       Then::kLeave,       Reason::kAlreadySandboxed, "variables.isUpToDate"},
    {[](const Question&) { return true; },                                            Then::kSandbox,     Reason::kSupported, "true"},
};
// clang-format on
static_assert(std::all_of(std::begin(kTable), std::end(kTable),
                          [](const Row& row) { return !row.cel.empty(); }),
              "each row says in CEL what it says in C++");

const Row& first_match(const Row* from, const Question& question) {
  while (!from->when(question)) ++from;  // ends: the last row always matches
  return *from;
}

Outcome fallback(Reason reason, const Question& q) {
  if (insists_on_sandbox(q.pod)) return Outcome::kDenied;
  if (reason == Reason::kClusterTooOld && q.cluster.api_servers_differ) return Outcome::kDenied;
  switch (fallback_for(reason, q.policy)) {
    case Fallback::kUnchanged: return Outcome::kUnchanged;
    case Fallback::kDeny: return Outcome::kDenied;
    case Fallback::kPrivileged: break;
  }
  // Who asks for a user namespace of the pod's own does not get a privileged container.
  return q.pod.host_users == false ? Outcome::kDenied : Outcome::kPrivileged;
}

Outcome to_outcome(const Row& row, const Question& q) {
  switch (row.then) {
    case Then::kLeave: return Outcome::kUnchanged;
    case Then::kLeaveOrDeny:
      return insists_on_sandbox(q.pod) ? Outcome::kDenied : Outcome::kUnchanged;
    case Then::kFallBack: return fallback(row.reason, q);
    case Then::kDeny: return Outcome::kDenied;
    case Then::kSandbox: break;
  }
  return Outcome::kSandboxed;
}

bool can_lead_to(Then then, Outcome outcome) {
  switch (then) {
    case Then::kLeave: return outcome == Outcome::kUnchanged;
    case Then::kLeaveOrDeny: return outcome == Outcome::kUnchanged || outcome == Outcome::kDenied;
    case Then::kDeny: return outcome == Outcome::kDenied;
    case Then::kSandbox: return outcome == Outcome::kSandboxed;
    case Then::kFallBack: break;
  }
  return outcome != Outcome::kSandboxed;
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
    case Reason::kRunsWithoutNsjail: return "runs_without_nsjail";
    case Reason::kExplicitSecurityContext: return "explicit_security_context";
    case Reason::kClusterTooOld: return "cluster_too_old";
    case Reason::kHostNamespace: return "host_namespace";
    case Reason::kHostUsersRequested: return "host_users_requested";
    case Reason::kRawBlockVolume: return "raw_block_volume";
    case Reason::kUnmappableVolume: return "unmappable_volume";
    case Reason::kUnmappedId: return "unmapped_id";
    case Reason::kNoCapableNode: return "no_capable_node";
    case Reason::kNameConflict: return "name_conflict";
    case Reason::kAlreadySandboxed: return "already_sandboxed";
    case Reason::kSupported: break;
  }
  return "supported";
}

bool can_lead_to(Reason reason, Outcome outcome) {
  return std::any_of(std::begin(kTable), std::end(kTable), [&](const Row& row) {
    return row.reason == reason && can_lead_to(row.then, outcome);
  });
}

bool can_keep_sandbox(const Policy& policy, const ClusterState& cluster) {
  return !cluster.drops_sandbox &&
         cluster.version >= std::max(policy.minimum_version, kOldestSandboxVersion);
}

Fallback fallback_for(Reason reason, const Policy& policy) {
  const bool is_of_nodes = reason == Reason::kNoCapableNode && policy.node_fallback;
  return is_of_nodes ? *policy.node_fallback : policy.fallback;
}

bool insists_on_sandbox(const PodFacts& pod) {
  return pod.mode == "sandbox" || pod.context.kind == ContextKind::kOurs;
}

std::vector<Reason> find_obstacles(const AdmissionRequest& request, const Policy& policy,
                                   const ClusterState& cluster) {
  const Question question{request, request.pod, policy, cluster};
  std::vector<Reason> found;
  const auto add = [&](Reason reason) {
    if (std::find(found.begin(), found.end(), reason) == found.end()) found.push_back(reason);
  };
  for (const Row& row : kTable) {
    if (row.then == Then::kLeave || row.then == Then::kSandbox || !row.when(question)) continue;
    // Its row looks at targets that are not privileged: it would match next.
    const bool is_explicit = row.reason == Reason::kExplicitSecurityContext;
    if (is_explicit && request.pod.runs_without_nsjail) add(Reason::kRunsWithoutNsjail);
    add(row.reason);
  }
  return found;
}

std::vector<PolicyRow> to_policy_rows() {
  std::vector<PolicyRow> rows;
  for (const Row& row : kTable) {
    if (row.cel != kNever)
      rows.push_back({.when = row.cel, .then = row.then, .reason = row.reason});
  }
  return rows;
}

Decision decide(const AdmissionRequest& request, const Policy& policy,
                const ClusterState& cluster) {
  const Question question{request, request.pod, policy, cluster};
  const Row& row = first_match(kTable, question);
  return {.outcome = to_outcome(row, question),
          .reason = row.reason,
          .is_fallback = row.then == Then::kFallBack,
          .row = static_cast<int>(&row - kTable) + 1};
}

}  // namespace webhook
