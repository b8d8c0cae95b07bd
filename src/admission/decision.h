#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "admission/admission_request.h"
#include "admission/policy.h"
#include "base/kube_version.h"

namespace webhook {

/// What becomes of a pod. The same words stand in metrics, logs, audit annotations and tests.
enum class Outcome { kUnchanged, kSandboxed, kPrivileged, kDenied };

/// Why: the row of the decision table that matched first.
enum class Reason {
  kNotAPodCreate,
  kMirrorPod,
  kWindows,
  kNoTargetContainer,
  kOptedOut,
  kRunsWithoutNsjail,
  kExplicitSecurityContext,
  kClusterTooOld,
  kHostNamespace,
  kHostUsersRequested,
  kRawBlockVolume,
  kUnmappableVolume,
  kUnmappedId,
  kNoCapableNode,
  kNameConflict,
  kAlreadySandboxed,
  kSupported,
};

inline constexpr std::array kAllOutcomes{Outcome::kUnchanged, Outcome::kSandboxed,
                                         Outcome::kPrivileged, Outcome::kDenied};
inline constexpr std::array kAllReasons{
    Reason::kNotAPodCreate,
    Reason::kMirrorPod,
    Reason::kWindows,
    Reason::kNoTargetContainer,
    Reason::kOptedOut,
    Reason::kRunsWithoutNsjail,
    Reason::kExplicitSecurityContext,
    Reason::kClusterTooOld,
    Reason::kHostNamespace,
    Reason::kHostUsersRequested,
    Reason::kRawBlockVolume,
    Reason::kUnmappableVolume,
    Reason::kUnmappedId,
    Reason::kNoCapableNode,
    Reason::kNameConflict,
    Reason::kAlreadySandboxed,
    Reason::kSupported,
};

std::string_view to_string(Outcome outcome);
std::string_view to_string(Reason reason);

/// False for pairs that the decision table cannot give.
bool can_lead_to(Reason reason, Outcome outcome);

class NodeSnapshot;

/// What is known of the cluster when a pod arrives.
struct ClusterState {
  KubeVersion version;
  bool drops_sandbox = false;  ///< The API server takes hostUsers or procMount out of a pod.
  /// The API servers' answers differ: `version` is then the oldest that was told, and
  /// `drops_sandbox` is true if any of them drops. An upgrade passes, a pod is privileged for life.
  bool api_servers_differ = false;
  std::shared_ptr<const NodeSnapshot> nodes{};  ///< Null: not looked at, or not known yet.
};

/// What a row of the table leads to.
enum class Then {
  kLeave,
  kLeaveOrDeny,  ///< Denied where the pod insists on the sandbox.
  kFallBack,
  kDeny,
  kSandbox,
};

/// A row as a policy of the API server has it, for which there is no cluster to ask about.
struct PolicyRow {
  std::string_view when;  ///< In CEL, of the variables of cel/facts.h.
  Then then;
  Reason reason;
};

/// The rows that a pod can reach where a policy decides: the v1 API of mutating policies is the
/// gate, their constraints leave only the creation of pods, and of nodes they know nothing. In the
/// order of the table; the last one always matches.
std::vector<PolicyRow> to_policy_rows();

struct Decision {
  Outcome outcome = Outcome::kUnchanged;
  Reason reason = Reason::kNotAPodCreate;
  bool is_fallback = false;  ///< The pod would be sandboxed if it, or the cluster, could.
  int row = 0;               ///< Of the decision table, from 1: a reason may have two.
};

/// The gate: false where an API server would drop hostUsers and procMount in silence, so that a pod
/// with NET_ADMIN would run in the host's user namespace. No policy lowers it.
bool can_keep_sandbox(const Policy& policy, const ClusterState& cluster);

/// True for a pod that is sandboxed or denied, and nothing less: by its label, or because it
/// carries the sandbox already.
bool insists_on_sandbox(const PodFacts& pod);

/// What the policy has for a pod that is not sandboxed for `reason`.
Fallback fallback_for(Reason reason, const Policy& policy);

/// All that stands between the pod and the sandbox, each once, in the order of the table: without
/// it the pod would be sandboxed, but for a label that opts out.
std::vector<Reason> find_obstacles(const AdmissionRequest& request, const Policy& policy,
                                   const ClusterState& cluster);

/// Decides what becomes of `request`. Pure: no clock, file, network or global state; equal inputs
/// give equal decisions, and a pod that has all that the patch would bring is kUnchanged.
Decision decide(const AdmissionRequest& request, const Policy& policy, const ClusterState& cluster);

}  // namespace webhook
