#include <algorithm>

#include "admission/messages.h"
#include "admission/obstacles.h"
#include "admission/words.h"

namespace webhook {
namespace {

/// "a, b and c".
std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text.append(i == 0 ? "" : i + 1 == words.size() ? " and " : ", ").append(words[i]);
  }
  return text;
}

std::string to_conflict(const PodFacts& pod) {
  const bool is_container = pod.has_container_of_our_name || !pod.installer.all_are_ours;
  const bool is_ours = pod.context.kind == ContextKind::kOurs;
  std::string_view what;
  if (!is_ours && !pod.profile_volume.all_are_ours) {
    what = kForeignProfileVolume;
  } else if (!is_ours && !pod.host_volume.all_are_ours) {
    what = kForeignHostVolume;
  } else if (pod.has_container_of_our_name || (!is_ours && is_container)) {
    what = kForeignInstaller;
  } else {
    what = kForeignMount;
  }
  return std::string(what) + std::string(kRenameIt);
}

/// The pod has what the cluster would drop.
bool would_lose_its_sandbox(const Decision& decision) {
  return decision.reason == Reason::kClusterTooOld && !decision.is_fallback;
}

/// Without what makes it insist, and what the cluster would drop, the pod would fall back.
bool would_fall_back(const Decision& decision, const PodFacts& pod, const Policy& policy) {
  if (!decision.is_fallback && !would_lose_its_sandbox(decision)) return false;
  if (pod.runs_without_nsjail && !pod.context.is_privileged) return false;
  switch (pod.context.kind) {
    case ContextKind::kAbsent:
    case ContextKind::kOurs: return true;
    case ContextKind::kChartDefault: return policy.replace_chart_default;
    case ContextKind::kExplicit: break;
  }
  return false;
}

/// How the pod could come to be admitted as it is: all that it takes, beside removing what stands
/// between it and the sandbox.
std::string to_way_out(const Decision& decision, const PodFacts& pod, const Policy& policy) {
  const bool falls_back = would_fall_back(decision, pod, policy);
  const bool is_ours = pod.context.kind == ContextKind::kOurs;
  const bool is_losing = would_lose_its_sandbox(decision);
  const Fallback fallback = fallback_for(decision.reason, policy);
  std::vector<std::string> parts;
  if (pod.mode == "sandbox") parts.emplace_back(kInsistingLabel);
  if (is_ours) parts.emplace_back(kOwnContext);
  // Who asks for a user namespace of the pod's own gets no privileged container.
  const bool may_not_be_privileged = falls_back && fallback == Fallback::kPrivileged;
  if (pod.host_users == false && (is_losing || may_not_be_privileged)) {
    parts.emplace_back(kOwnUserNamespace);
  }
  if (is_losing && pod.context.unmasks_proc && !is_ours) parts.emplace_back("procMount: Unmasked");
  std::string text = parts.empty() ? "" : "remove " + join(parts);
  if (falls_back && fallback == Fallback::kDeny) {
    const bool is_nodes = decision.reason == Reason::kNoCapableNode;
    text.append(text.empty() ? "" : " and ")
        .append(is_nodes ? kChangeNodeFallback : kChangeFallback);
  }
  return ", or " + text + ')';
}

/// What has to go, all of it, for the pod to be sandboxed; for one that would be left alone as it
/// is on a newer cluster, only what the cluster is.
std::vector<Reason> to_obstacles(const Decision& decision, const AdmissionRequest& request,
                                 const Policy& policy, const ClusterState& cluster) {
  std::vector<Reason> reasons = find_obstacles(request, policy, cluster);
  const bool is_left = !insists_on_sandbox(request.pod) &&
                       std::any_of(reasons.begin(), reasons.end(), is_of_the_target);
  if (is_left) reasons = {decision.reason};
  return reasons;
}

}  // namespace

std::string to_denial(const Decision& decision, const AdmissionRequest& request,
                      const Policy& policy, const ClusterState& cluster) {
  if (decision.outcome != Outcome::kDenied) return {};
  if (decision.reason == Reason::kNameConflict) return to_conflict(request.pod);
  if (decision.reason == Reason::kClusterTooOld && cluster.api_servers_differ) {
    return "API servers differ, try again (some of them cannot keep the sandbox)";
  }
  std::vector<std::string> whats;
  std::vector<std::string> remedies;
  for (const Reason reason : to_obstacles(decision, request, policy, cluster)) {
    Obstacle obstacle = to_obstacle(reason, policy, cluster);
    whats.push_back(std::move(obstacle.what));
    remedies.push_back(std::move(obstacle.remedy));
  }
  const std::string_view what = would_lose_its_sandbox(decision)
                                    ? std::string_view(
                                          "the pod has hostUsers: false or procMount: Unmasked, "
                                          "which the cluster does not keep: ")
                                    : kCannotBeSandboxed;
  return std::string(what) + join(whats) + " (" + join(remedies) +
         to_way_out(decision, request.pod, policy);
}

}  // namespace webhook
