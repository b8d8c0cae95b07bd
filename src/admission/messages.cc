#include "admission/messages.h"

#include "admission/obstacles.h"

namespace webhook {
namespace {

constexpr std::string_view kStaysPrivileged = "code-executor stays privileged";

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

/// `warning (advice)` where that is one line, else where to look: half an advice would be none.
std::string with_advice(const std::string& warning, const std::string& advice) {
  const std::string whole = warning + " (" + advice + ')';
  return whole.size() <= kMaxWarningLength ? whole : warning + " (README)";
}

/// What stands in the way of a privileged target beside its own context and label.
std::vector<Reason> to_other_obstacles(const AdmissionRequest& request, const Policy& policy,
                                       const ClusterState& cluster) {
  std::vector<Reason> reasons = find_obstacles(request, policy, cluster);
  std::erase_if(reasons, is_of_the_target);
  return reasons;
}

std::string to_context_of(const PodFacts& pod) {
  return pod.runs_without_nsjail ? "securityContext and CONTAINER_UNPRIVILEGED_MODE"
                                 : "its securityContext";
}

std::string to_opted_out_warning(const PodFacts& pod, const Policy& policy) {
  const std::string warning = std::string(kStaysPrivileged) + ": it is opted out";
  const std::string label = "label code-executor-webhook/mode";
  if (pod.context.kind != ContextKind::kChartDefault) {
    return with_advice(warning, "remove " + to_context_of(pod) + " and " + label + ": off");
  }
  if (policy.replace_chart_default) return with_advice(warning, "remove " + label + ": off");
  return with_advice(warning, "change " + label + " to sandbox");
}

/// For a privileged target that is left alone: how to change it, all that it takes. The label would
/// get the pod denied while obstacles remain.
std::string to_privileged_warning(const AdmissionRequest& request, const Policy& policy,
                                  const ClusterState& cluster) {
  const PodFacts& pod = request.pod;
  const std::string stays(kStaysPrivileged);
  const bool is_chart_default = pod.context.kind == ContextKind::kChartDefault;
  const std::vector<Reason> reasons = to_other_obstacles(request, policy, cluster);
  if (!reasons.empty()) {
    const Obstacle first = to_obstacle(reasons.front(), policy, cluster);
    if (pod.mode == "off") return stays + ": it is opted out, and " + first.what + " (README)";
    if (reasons.size() > 1) return stays + ": " + first.what + ", and more (README)";
    const std::string last =
        is_chart_default ? "label it mode: sandbox" : "remove " + to_context_of(pod);
    return with_advice(stays + ": " + first.what, first.brief + ", then " + last);
  }
  if (pod.mode == "off") return to_opted_out_warning(pod, policy);
  if (is_chart_default) {
    return stays + " as set; label code-executor-webhook/mode: sandbox sandboxes it (README)";
  }
  const std::string warning =
      stays + " as set; without " + to_context_of(pod) + " it would be sandboxed";
  return pod.runs_without_nsjail ? warning : warning + " (README)";
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

/// What is in the pod beside a sandboxed target, or mounted by it, that no sandbox holds.
void add_what_is_not_held(const PodFacts& pod, std::vector<std::string>& warnings) {
  if (pod.target_has_kubelet_root) {
    warnings.emplace_back(
        "code-executor mounts the node's kubelet directory or one above: no sandbox holds that "
        "(remove the hostPath)");
  }
  if (pod.can_write_profiles) {
    warnings.emplace_back(
        "a container can write to the kubelet's seccomp directory, and so to the profile (remove "
        "the hostPath)");
  }
  if (pod.has_privileged_sidecar) {
    warnings.emplace_back(
        "a container beside the code-executor is privileged, and not sandboxed (remove "
        "privileged: true)");
  }
}

/// The nodes' names and versions are theirs: no more than one line of them.
void add_placement(const PodFacts& pod, std::vector<std::string>& warnings) {
  const std::string text = to_placement_warning(pod.placement, kMaxWarningLength);
  const bool is_short = text.size() <= kMaxWarningLength;
  if (text.empty()) return;
  warnings.push_back(to_printable(text, is_short ? kMaxWarningLength : kMaxWarningLength - 3));
}

bool is_sandboxed(const Decision& decision) {
  return decision.outcome == Outcome::kSandboxed || decision.reason == Reason::kAlreadySandboxed;
}

}  // namespace

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
    if (decision.reason == Reason::kNoCapableNode) add_placement(pod, warnings);
  } else if (is_sandboxed(decision)) {
    add_what_is_not_held(pod, warnings);
    add_placement(pod, warnings);
  } else if (decision.reason == Reason::kMirrorPod && pod.context.is_privileged) {
    warnings.push_back(std::string(kStaysPrivileged) +
                       ": a static pod cannot be changed here (change its manifest)");
  } else if (is_left_as_it_is(decision) && pod.context.is_privileged && !pod.is_windows) {
    warnings.push_back(to_privileged_warning(request, policy, cluster));
  } else if (decision.reason == Reason::kExplicitSecurityContext && is_left_as_it_is(decision) &&
             pod.context.has_localhost_profile) {
    const std::string lacks = to_lacks(pod, policy, cluster);
    if (!lacks.empty()) {
      warnings.push_back("code-executor has a sandbox of its own, without " + lacks + " (README)");
    }
  }
  return warnings;
}

}  // namespace webhook
