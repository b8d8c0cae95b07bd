#include "admission/messages.h"

#include "admission/obstacles.h"
#include "admission/words.h"
#include "base/text.h"

namespace webhook {
namespace {

constexpr std::string_view kStays = "code-executor stays privileged";

std::string_view to_what_becomes(const Decision& decision, const PodFacts& pod) {
  if (decision.outcome == Outcome::kDenied) return "is refused";
  if (pod.context.is_privileged) return kStaysPrivileged;
  return decision.outcome == Outcome::kPrivileged ? kRunsPrivileged : kIsLeftUnchanged;
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

std::string to_context_of(bool runs_without_nsjail) {
  return runs_without_nsjail ? "securityContext and CONTAINER_UNPRIVILEGED_MODE"
                             : "its securityContext";
}

std::string to_opted_out_warning(const PodFacts& pod, const Policy& policy) {
  const std::string warning = std::string(kStays) + ": it is opted out";
  const std::string label = "label code-executor-webhook/mode";
  if (pod.context.kind != ContextKind::kChartDefault) {
    return with_advice(warning,
                       to_remove_context(pod.runs_without_nsjail) + " and " + label + ": off");
  }
  if (policy.replace_chart_default) return with_advice(warning, "remove " + label + ": off");
  return with_advice(warning, "change " + label + " to sandbox");
}

/// For a privileged target that is left alone: how to change it, all that it takes. The label would
/// get the pod denied while obstacles remain.
std::string to_privileged_warning(const AdmissionRequest& request, const Policy& policy,
                                  const ClusterState& cluster) {
  const PodFacts& pod = request.pod;
  const bool is_chart_default = pod.context.kind == ContextKind::kChartDefault;
  const std::vector<Reason> reasons = to_other_obstacles(request, policy, cluster);
  if (!reasons.empty()) {
    const Obstacle first = to_obstacle(reasons.front(), policy, cluster);
    if (pod.mode == "off") {
      return std::string(kStays) + ": it is opted out, and " + first.what + " (README)";
    }
    return to_blocked_warning(
        first, reasons.size() > 1,
        is_chart_default ? "label it mode: sandbox" : to_remove_context(pod.runs_without_nsjail));
  }
  if (pod.mode == "off") return to_opted_out_warning(pod, policy);
  if (is_chart_default) return std::string(kChartDefault);
  return to_own_context_warning(pod.runs_without_nsjail);
}

/// Of a target with a seccomp profile of its own: what this sandbox has and that one has not.
std::string to_lacks(const PodFacts& pod, const Policy& policy, const ClusterState& cluster) {
  std::string lacks;
  // Where the API server drops hostUsers, it would get the pod denied.
  if (pod.host_users != false && can_keep_sandbox(policy, cluster)) lacks = kOwnUserNamespace;
  if (!pod.context.forbids_escalation) {
    lacks.append(lacks.empty() ? "" : " and ").append(kNoEscalation);
  }
  return lacks;
}

bool is_left_as_it_is(const Decision& decision) {
  return decision.outcome == Outcome::kUnchanged && !decision.is_fallback;
}

/// What is in the pod beside a sandboxed target, or mounted by it, that no sandbox holds.
void add_what_is_not_held(const PodFacts& pod, std::vector<std::string>& warnings) {
  if (pod.target_has_kubelet_root) {
    warnings.emplace_back(kMountsKubeletRoot);
  }
  if (pod.can_write_profiles) {
    warnings.emplace_back(kCanWriteProfiles);
  }
  if (pod.has_privileged_sidecar) {
    warnings.emplace_back(kPrivilegedSidecar);
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

std::string to_fallback_warning(std::string_view what_becomes, Reason reason,
                                const Obstacle& obstacle) {
  return "code-executor " + std::string(what_becomes) + ", not sandboxed: " + obstacle.what + " (" +
         std::string(to_string(reason)) + ')';
}

std::string to_blocked_warning(const Obstacle& first, bool and_more, std::string_view last) {
  const std::string warning = std::string(kStays) + ": " + first.what;
  if (and_more) return warning + ", and more (README)";
  return with_advice(warning, first.brief + ", then " + std::string(last));
}

std::string to_own_context_warning(bool runs_without_nsjail) {
  const std::string warning = std::string(kStays) + " as set; without " +
                              to_context_of(runs_without_nsjail) + " it would be sandboxed";
  return runs_without_nsjail ? warning : warning + " (README)";
}

std::string to_remove_context(bool runs_without_nsjail) {
  return "remove " + to_context_of(runs_without_nsjail);
}

std::vector<std::string> to_warnings(const Decision& decision, const AdmissionRequest& request,
                                     const Policy& policy, const ClusterState& cluster) {
  const PodFacts& pod = request.pod;
  std::vector<std::string> warnings;
  if (!pod.mode.empty() && pod.mode != "off" && pod.mode != "sandbox") {
    warnings.push_back(std::string(kModeIgnoredStart) + to_printable(pod.mode, kMaxShownMode) +
                       std::string(kModeIgnoredEnd));
  }
  if (decision.is_fallback) {
    warnings.push_back(to_fallback_warning(to_what_becomes(decision, pod), decision.reason,
                                           to_obstacle(decision.reason, policy, cluster)));
    if (decision.reason == Reason::kNoCapableNode) add_placement(pod, warnings);
  } else if (is_sandboxed(decision)) {
    add_what_is_not_held(pod, warnings);
    add_placement(pod, warnings);
  } else if (decision.reason == Reason::kMirrorPod && pod.context.is_privileged) {
    warnings.emplace_back(kStaticPod);
  } else if (is_left_as_it_is(decision) && pod.context.is_privileged && !pod.is_windows) {
    warnings.push_back(to_privileged_warning(request, policy, cluster));
  } else if (decision.reason == Reason::kExplicitSecurityContext && is_left_as_it_is(decision) &&
             pod.context.has_localhost_profile) {
    const std::string lacks = to_lacks(pod, policy, cluster);
    if (!lacks.empty()) {
      warnings.push_back(std::string(kOwnSandboxStart) + lacks + std::string(kOwnSandboxEnd));
    }
  }
  return warnings;
}

}  // namespace webhook
