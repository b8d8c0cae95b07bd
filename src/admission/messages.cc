#include "admission/messages.h"

#include <optional>

namespace webhook {
namespace {

/// What stands in the way of the sandbox, and what would remove it.
struct Obstacle {
  std::string what;
  std::string remedy;
};

Obstacle to_gate(const Policy& policy, const ClusterState& cluster) {
  if (cluster.version >= policy.minimum_version) {
    return {"the API server drops hostUsers or procMount",
            "turn on its features UserNamespacesSupport and ProcMountType"};
  }
  return {"Kubernetes " + to_string(cluster.version) + " is older than " +
              to_string(policy.minimum_version),
          "upgrade the cluster"};
}

Obstacle to_obstacle(Reason reason, const Policy& policy, const ClusterState& cluster) {
  switch (reason) {
    case Reason::kClusterTooOld: return to_gate(policy, cluster);
    case Reason::kHostNamespace:
      return {"it uses hostNetwork, hostPID or hostIPC", "remove hostNetwork, hostPID and hostIPC"};
    case Reason::kHostUsersRequested: return {"it sets hostUsers: true", "remove hostUsers"};
    case Reason::kRawBlockVolume: return {"a container has volumeDevices", "remove volumeDevices"};
    case Reason::kUnmappableVolume:
      return {"it mounts a hostPath of /dev, /proc or /sys, or nfs", "remove that volume"};
    case Reason::kUnmappedId: {
      const std::string ids = std::to_string(policy.ids_per_pod);
      return {"a user or group id is not below " + ids, "use ids below " + ids};
    }
    case Reason::kNameConflict:
      return {"it has names that code-executor-webhook uses", "rename them"};
    default: return {"no schedulable node can run it", "add a node that supports user namespaces"};
  }
}

std::string to_fallback_warning(const Decision& decision, const AdmissionRequest& request,
                                const Policy& policy, const ClusterState& cluster) {
  const bool stays = decision.outcome != Outcome::kDenied && request.pod.context.is_privileged;
  const std::string_view what = decision.outcome == Outcome::kDenied       ? "is refused"
                                : stays                                    ? "stays privileged"
                                : decision.outcome == Outcome::kPrivileged ? "runs privileged"
                                                                           : "is left unchanged";
  return "code-executor " + std::string(what) +
         ", not sandboxed: " + to_obstacle(decision.reason, policy, cluster).what + " (" +
         std::string(to_string(decision.reason)) + ')';
}

/// For a privileged target that is left alone: how to change it, if it can be changed here.
std::string to_privileged_warning(const Decision& decision, const AdmissionRequest& request,
                                  const Policy& policy, const ClusterState& cluster) {
  const std::string stays = "code-executor stays privileged";
  if (decision.reason == Reason::kMirrorPod) {
    return stays + ": a static pod cannot be changed here (change its manifest)";
  }
  if (decision.reason == Reason::kOptedOut) {
    return stays + ": it is opted out (remove label code-executor-webhook/mode: off)";
  }
  if (const auto reason = find_obstacle(request, policy, cluster)) {
    const Obstacle obstacle = to_obstacle(*reason, policy, cluster);
    const std::string warning = stays + ": " + obstacle.what + " (" + obstacle.remedy + ')';
    return warning.size() <= kMaxWarningLength ? warning : stays + ": " + obstacle.what;
  }
  if (request.pod.context.kind == ContextKind::kChartDefault) {
    return stays + " as set; label code-executor-webhook/mode: sandbox sandboxes it (README)";
  }
  return stays + " as set; without its securityContext it would be sandboxed (README)";
}

/// Of a target with a seccomp profile of its own: what this sandbox has and that one has not.
std::string to_lacks(const PodFacts& pod, const Policy& policy, const ClusterState& cluster) {
  std::string lacks;
  // Where the API server drops hostUsers, it would get the pod denied.
  if (pod.host_users != false && can_keep_sandbox(policy, cluster)) lacks = "hostUsers: false";
  if (!pod.context.forbids_escalation) {
    lacks.append(lacks.empty() ? "" : " and ").append("allowPrivilegeEscalation: false");
  }
  return lacks;
}

bool is_left_as_it_is(const Decision& decision) {
  return decision.outcome == Outcome::kUnchanged && !decision.is_fallback;
}

/// How the pod could come to be admitted, beside removing the obstacle.
std::string to_way_out(const PodFacts& pod, const Policy& policy) {
  if (pod.mode == "sandbox") return ", or remove label code-executor-webhook/mode: sandbox)";
  if (pod.context.kind == ContextKind::kOurs) {
    return ", or remove the sandbox's securityContext from the code-executor)";
  }
  if (policy.fallback == Fallback::kPrivileged && pod.host_users == false) {
    return ", or remove hostUsers: false)";
  }
  return ", or change sandbox.fallback of code-executor-webhook)";
}

std::string to_conflict(const PodFacts& pod) {
  const bool is_container = pod.has_container_of_our_name || !pod.installer.all_are_ours;
  const bool is_ours = pod.context.kind == ContextKind::kOurs;
  std::string what;
  if (!is_ours && !pod.profile_volume.all_are_ours) {
    what = "volume 'seccomp-profile' is not the one that code-executor-webhook adds";
  } else if (!is_ours && !pod.host_volume.all_are_ours) {
    what = "volume 'host-seccomp' is not the one that code-executor-webhook adds";
  } else if (pod.has_container_of_our_name || (!is_ours && is_container)) {
    what = "container 'install-seccomp' is not the one that code-executor-webhook adds";
  } else {
    what =
        "a container mounts volume 'seccomp-profile' or 'host-seccomp', of code-executor-webhook";
  }
  return what + " (rename it, or opt out with label code-executor-webhook/mode: \"off\")";
}

/// What is wrong with a pod that insists on the sandbox, and no fallback.
Obstacle to_contradiction(Reason reason, const Policy& policy) {
  switch (reason) {
    case Reason::kNoTargetContainer:
      return {"the pod has no container '" + policy.container_name + "' to sandbox", "name it so"};
    case Reason::kRunsWithoutNsjail:
      return {"the code-executor runs user code without nsjail",
              "remove env CONTAINER_UNPRIVILEGED_MODE"};
    default:
      return {"the code-executor has a securityContext of its own", "remove its securityContext"};
  }
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

std::vector<std::string> to_warnings(const Decision& decision, const AdmissionRequest& request,
                                     const Policy& policy, const ClusterState& cluster) {
  const PodFacts& pod = request.pod;
  std::vector<std::string> warnings;
  if (!pod.mode.empty() && pod.mode != "off" && pod.mode != "sandbox") {
    warnings.push_back("label code-executor-webhook/mode: '" + to_printable(pod.mode, 24) +
                       "' ignored (expected off or sandbox)");
  }
  if (decision.is_fallback) {
    warnings.push_back(to_fallback_warning(decision, request, policy, cluster));
  } else if (is_left_as_it_is(decision) && pod.context.is_privileged) {
    warnings.push_back(to_privileged_warning(decision, request, policy, cluster));
  } else if (decision.reason == Reason::kExplicitSecurityContext && is_left_as_it_is(decision) &&
             pod.context.has_localhost_profile) {
    const std::string lacks = to_lacks(pod, policy, cluster);
    if (!lacks.empty()) {
      warnings.push_back("code-executor has a sandbox of its own, without " + lacks + " (README)");
    }
  }
  return warnings;
}

std::string to_denial(const Decision& decision, const AdmissionRequest& request,
                      const Policy& policy, const ClusterState& cluster) {
  if (decision.outcome != Outcome::kDenied) return {};
  const PodFacts& pod = request.pod;
  if (decision.reason == Reason::kNameConflict) return to_conflict(pod);
  if (decision.reason == Reason::kClusterTooOld && cluster.api_servers_differ) {
    return "API servers differ, try again (some of them cannot keep the sandbox)";
  }
  const std::string way_out = to_way_out(pod, policy);
  if (decision.is_fallback) {
    const Obstacle obstacle = to_obstacle(decision.reason, policy, cluster);
    return "the code-executor cannot be sandboxed: " + obstacle.what + " (" + obstacle.remedy +
           way_out;
  }
  if (decision.reason == Reason::kClusterTooOld) {
    const Obstacle gate = to_gate(policy, cluster);
    return "the pod has hostUsers: false or procMount: Unmasked, which the cluster does not "
           "keep: " +
           gate.what + " (" + gate.remedy + ", or remove them)";
  }
  const Obstacle contradiction = to_contradiction(decision.reason, policy);
  return contradiction.what + " (" + contradiction.remedy + way_out;
}

}  // namespace webhook
