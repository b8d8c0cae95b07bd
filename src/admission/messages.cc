#include "admission/messages.h"

namespace webhook {
namespace {

/// What stands in the way of the sandbox, and what would remove it.
struct Obstacle {
  std::string what;
  std::string remedy;
};

Obstacle to_obstacle(Reason reason, const Policy& policy, const ClusterState& cluster) {
  switch (reason) {
    case Reason::kClusterTooOld:
      if (cluster.version >= policy.minimum_version) {
        return {"the API server drops hostUsers or procMount",
                "turn on its features UserNamespacesSupport and ProcMountType"};
      }
      return {"Kubernetes " + to_string(cluster.version) + " is older than " +
                  to_string(policy.minimum_version),
              "upgrade the cluster"};
    case Reason::kHostNamespace:
      return {"it uses hostNetwork, hostPID or hostIPC", "remove hostNetwork, hostPID and hostIPC"};
    case Reason::kHostUsersRequested: return {"it sets hostUsers: true", "remove hostUsers"};
    case Reason::kRawBlockVolume: return {"a container has volumeDevices", "remove volumeDevices"};
    default: return {"no schedulable node can run it", "add a node that supports user namespaces"};
  }
}

std::string_view conflicting_name(const PodFacts& pod) {
  if (pod.profile_volume == Presence::kForeign) return kProfileVolume;
  return pod.host_volume == Presence::kForeign ? kHostVolume : kInstaller;
}

}  // namespace

std::string to_printable(std::string_view text, std::size_t limit) {
  std::string printable;
  for (const char c : text.substr(0, limit)) {
    printable += c >= ' ' && c <= '~' && c != '\'' ? c : '?';
  }
  if (text.size() > limit) printable += "...";
  return printable;
}

std::vector<std::string> to_warnings(const Decision& decision, const PodFacts& pod,
                                     const Policy& policy, const ClusterState& cluster) {
  std::vector<std::string> warnings;
  if (!pod.mode.empty() && pod.mode != "off" && pod.mode != "sandbox") {
    warnings.push_back("label code-executor-webhook/mode: '" + to_printable(pod.mode, 24) +
                       "' ignored (expected off or sandbox)");
  }
  if (decision.is_fallback) {
    const std::string_view what = decision.outcome == Outcome::kPrivileged ? "runs privileged"
                                  : decision.outcome == Outcome::kDenied   ? "is refused"
                                                                           : "is left unchanged";
    warnings.push_back("code-executor " + std::string(what) +
                       ", not sandboxed: " + to_obstacle(decision.reason, policy, cluster).what +
                       " (" + std::string(to_string(decision.reason)) + ')');
  }
  if (decision.reason == Reason::kExplicitSecurityContext &&
      pod.target_context == TargetContext::kChartDefault) {
    warnings.emplace_back(
        "code-executor stays privileged as set; label code-executor-webhook/mode: sandbox "
        "sandboxes it (README)");
  }
  return warnings;
}

std::string to_denial(const Decision& decision, const PodFacts& pod, const Policy& policy,
                      const ClusterState& cluster) {
  if (decision.outcome != Outcome::kDenied) return {};
  if (decision.reason == Reason::kNameConflict) {
    const bool is_installer = conflicting_name(pod) == kInstaller;
    return std::string(is_installer ? "container '" : "volume '") +
           std::string(conflicting_name(pod)) +
           "' is not the one that code-executor-webhook adds (rename it, or opt out with label "
           "code-executor-webhook/mode: \"off\")";
  }
  const Obstacle obstacle = to_obstacle(decision.reason, policy, cluster);
  return "the code-executor cannot be sandboxed: " + obstacle.what + " (" + obstacle.remedy +
         (insists_on_sandbox(pod) ? ", or remove label code-executor-webhook/mode: sandbox)"
                                  : ", or change sandbox.fallback of code-executor-webhook)");
}

}  // namespace webhook
