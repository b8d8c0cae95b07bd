#pragma once

#include <array>
#include <string_view>

#include "admission/admission_request.h"
#include "admission/decision.h"

namespace webhook {

/// What a pod that exists is, in the words of tables, JSON and flags.
enum class PodState {
  kSandboxed,
  kStaleProfile,          ///< Sandboxed, with the profile or AppArmor setting of another release or
                          ///< configuration.
  kWithoutUserNamespace,  ///< It has the sandbox's profile, and runs in the node's user namespace.
  kOnBadNode,   ///< Sandboxed, of any release, on a node that is known not to run the sandbox.
  kPrivileged,  ///< Its target is, and another pod like it would be left so.
  kMissed,      ///< The webhook would not have left it as it is: it was not asked, or was another.
  kUnchanged,   ///< Left alone, and not privileged.
};

inline constexpr std::array kAllPodStates{
    PodState::kSandboxed, PodState::kStaleProfile, PodState::kWithoutUserNamespace,
    PodState::kOnBadNode, PodState::kPrivileged,   PodState::kMissed,
    PodState::kUnchanged,
};

/// "sandboxed", "stale_profile" and so on.
std::string_view to_string(PodState state);

/// The state of the pod that `request` would create again as it is, for which `decision` was made.
/// `is_on_bad_node`: it was bound to a node that is known not to run the sandbox.
PodState to_pod_state(const AdmissionRequest& request, const Decision& decision,
                      bool is_on_bad_node = false);

}  // namespace webhook
