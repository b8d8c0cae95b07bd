#include "admission/explanation.h"

#include <algorithm>

#include "admission/messages.h"
#include "admission/obstacles.h"

namespace webhook {
namespace {

std::string to_context_of(const PodFacts& pod, const Policy& policy) {
  const std::string container = "container '" + policy.container_name + '\'';
  if (pod.context.kind == ContextKind::kChartDefault) {
    return container + " has privileged: true, as Retool's chart renders it unless told otherwise";
  }
  return container + " has a securityContext of its own" +
         (pod.context.is_privileged ? ", with privileged: true" : "");
}

std::string to_fallback(const Decision& decision, const PodFacts& pod, const Policy& policy,
                        const ClusterState& cluster) {
  const std::string what = to_obstacle(decision.reason, policy, cluster).what;
  if (decision.outcome == Outcome::kUnchanged) {
    return "it cannot be sandboxed, and sandbox.fallback is unchanged: " + what;
  }
  return std::string(pod.context.is_privileged ? "it cannot be sandboxed, and stays privileged: "
                                               : "it cannot be sandboxed, and gets privileged: "
                                                 "true, as sandbox.fallback says: ") +
         what;
}

std::string to_why(const Decision& decision, const AdmissionRequest& request, const Policy& policy,
                   const ClusterState& cluster) {
  const PodFacts& pod = request.pod;
  if (decision.outcome == Outcome::kDenied) return to_denial(decision, request, policy, cluster);
  if (decision.is_fallback) return to_fallback(decision, pod, policy, cluster);
  switch (decision.reason) {
    case Reason::kMirrorPod:
      return "it is a static pod, of a file on its node, which no admission can change";
    case Reason::kWindows: return "spec.os.name is windows, which has no user namespaces";
    case Reason::kOptedOut: return "label code-executor-webhook/mode: off opts it out";
    case Reason::kExplicitSecurityContext: return to_context_of(pod, policy);
    case Reason::kNoTargetContainer:
    case Reason::kRunsWithoutNsjail: return to_obstacle(decision.reason, policy, cluster).what;
    case Reason::kAlreadySandboxed: return "it has all that the sandbox brings";
    default: break;
  }
  if (pod.context.kind != ContextKind::kOurs) return "nothing stands in its way";
  return pod.context.is_current() && pod.has_checksum
             ? "it carries the sandbox, and what is missing of it, or differs, is put right"
             : "it carries the sandbox of another release or configuration, and is brought up to "
               "date";
}

/// What makes the chart's default count as absent; it also takes away the label that opts out.
std::string to_chart_step(const PodFacts& pod) {
  if (pod.mode == "off")
    return "change the pod's label code-executor-webhook/mode from off to sandbox";
  return "label the pod code-executor-webhook/mode: sandbox, or set sandbox.replaceChartDefault: "
         "true";
}

std::vector<std::string> to_steps(const Decision& decision, const AdmissionRequest& request,
                                  const Policy& policy, const ClusterState& cluster) {
  const PodFacts& pod = request.pod;
  const bool is_beyond_change =
      decision.reason == Reason::kMirrorPod || decision.reason == Reason::kWindows;
  const bool is_sandboxed =
      decision.outcome == Outcome::kSandboxed || decision.reason == Reason::kAlreadySandboxed;
  if (is_beyond_change || is_sandboxed) return {};
  std::vector<std::string> steps;
  bool is_opted_out = pod.mode == "off";
  const bool is_chart_default = pod.context.kind == ContextKind::kChartDefault;
  for (const Reason reason : find_obstacles(request, policy, cluster)) {
    // Beside the label it does not count: the chart's default is privileged, and jailed.
    if (is_chart_default && reason == Reason::kRunsWithoutNsjail) continue;
    if (is_chart_default && reason == Reason::kExplicitSecurityContext) {
      steps.push_back(to_chart_step(pod));
      is_opted_out = false;
    } else {
      const Obstacle obstacle = to_obstacle(reason, policy, cluster);
      steps.push_back(obstacle.what + ": " + obstacle.remedy);
    }
  }
  if (is_opted_out) steps.emplace_back("remove the pod's label code-executor-webhook/mode: off");
  return steps;
}

}  // namespace

Explanation explain(const AdmissionRequest& request, const Policy& policy,
                    const ClusterState& cluster) {
  const Decision decision = decide(request, policy, cluster);
  return {.decision = decision,
          .why = to_why(decision, request, policy, cluster),
          .to_sandbox = to_steps(decision, request, policy, cluster),
          .warnings = to_warnings(decision, request, policy, cluster)};
}

}  // namespace webhook
