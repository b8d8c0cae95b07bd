#include "support/table_0_1_0.h"

namespace webhook {
namespace {

/// 0.1.0 knew neither kept members nor other digests, and looked less closely at what has our
/// names: a fact that is "ours" today was so then.
bool is_plain_default(const TargetContext& context) {
  return context.kind == ContextKind::kChartDefault && !context.keeps_members;
}

bool is_all_ours(const PodFacts& pod, const Policy& policy) {
  const bool has_profile =
      policy.delivery != Delivery::kAnnotation || pod.profile_annotation == Presence::kOurs;
  const bool are_there = pod.profile_volume.first && pod.host_volume.first && pod.installer.first;
  const bool are_ours = pod.profile_volume.all_are_ours && pod.host_volume.all_are_ours &&
                        pod.installer.all_are_ours && !pod.has_container_of_our_name;
  return pod.host_users == false && pod.has_checksum && has_profile && pod.context.is_current() &&
         !pod.context.keeps_members && are_there && are_ours;
}

std::string_view fallback(bool insists, const Policy& policy) {
  if (insists || policy.fallback == Fallback::kDeny) return "denied";
  return policy.fallback == Fallback::kPrivileged ? "privileged" : "unchanged";
}

}  // namespace

std::pair<std::string_view, std::string_view> decide_0_1_0(const AdmissionRequest& request,
                                                           const Policy& policy,
                                                           const ClusterState& cluster) {
  const PodFacts& pod = request.pod;
  const bool insists = pod.mode == "sandbox";
  if (!request.is_pod_create) return {"unchanged", "not_a_pod_create"};
  if (pod.is_mirror) return {"unchanged", "mirror_pod"};
  if (pod.is_windows) return {"unchanged", "windows"};
  if (!pod.target) return {"unchanged", "no_target_container"};
  if (pod.mode == "off") return {"unchanged", "opted_out"};
  if (is_all_ours(pod, policy)) return {"unchanged", "already_sandboxed"};
  if (pod.runs_without_nsjail) return {"unchanged", "runs_without_nsjail"};
  const bool is_free = pod.context.kind == ContextKind::kAbsent ||
                       (is_plain_default(pod.context) && (policy.replace_chart_default || insists));
  if (!is_free) return {"unchanged", "explicit_security_context"};
  const std::string_view instead = fallback(insists, policy);
  if (cluster.drops_sandbox || cluster.version < policy.minimum_version) {
    return {instead, "cluster_too_old"};
  }
  if (pod.uses_host_namespace) return {instead, "host_namespace"};
  if (pod.host_users == true) return {instead, "host_users_requested"};
  if (pod.has_raw_block_volume) return {instead, "raw_block_volume"};
  if (!pod.profile_volume.all_are_ours || !pod.host_volume.all_are_ours ||
      !pod.installer.all_are_ours || pod.has_container_of_our_name) {
    return {"denied", "name_conflict"};
  }
  return {"sandboxed", "supported"};
}

}  // namespace webhook
