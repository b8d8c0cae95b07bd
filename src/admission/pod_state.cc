#include "admission/pod_state.h"

namespace webhook {

std::string_view to_string(PodState state) {
  switch (state) {
    case PodState::kSandboxed: return "sandboxed";
    case PodState::kStaleProfile: return "stale_profile";
    case PodState::kWithoutUserNamespace: return "without_user_namespace";
    case PodState::kOnBadNode: return "on_bad_node";
    case PodState::kPrivileged: return "privileged";
    case PodState::kMissed: return "missed";
    case PodState::kUnchanged: break;
  }
  return "unchanged";
}

PodState to_pod_state(const AdmissionRequest& request, const Decision& decision,
                      bool is_on_bad_node) {
  const PodFacts& pod = request.pod;
  // Of Retool's chart there are pods with a profile of that name and without the rest of it.
  const bool has_our_context = pod.context.has_profile_of_ours && pod.context.forbids_escalation;
  if (has_our_context && !pod.context.is_privileged && pod.host_users != false) {
    return PodState::kWithoutUserNamespace;
  }
  if (pod.context.kind == ContextKind::kOurs) {
    // Whatever its profile: it does not start there. Without the sandbox it does.
    if (is_on_bad_node) return PodState::kOnBadNode;
    // Of its volumes and its init container nothing is asked: they have done their work, and other
    // webhooks may have added to them.
    return pod.context.is_current() && pod.has_checksum ? PodState::kSandboxed
                                                        : PodState::kStaleProfile;
  }
  if (decision.outcome == Outcome::kUnchanged) {
    return pod.context.is_privileged ? PodState::kPrivileged : PodState::kUnchanged;
  }
  // A fallback that leaves a privileged target as it is.
  const bool is_as_decided = decision.outcome == Outcome::kPrivileged && pod.context.is_privileged;
  return is_as_decided ? PodState::kPrivileged : PodState::kMissed;
}

}  // namespace webhook
