#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/installer_edits.h"
#include "admission/placement.h"
#include "admission/sandbox.h"
#include "admission/target_context.h"
#include "scheduling/pod_constraints.h"

namespace webhook {

class JsonValue;

inline constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";
/// The variable by which the code-executor runs user code without nsjail, if it is "true".
inline constexpr std::string_view kUnprivilegedVariable = "CONTAINER_UNPRIVILEGED_MODE";

/// Duplicates that are removed one by one. API servers refuse two of a name, so that more are an
/// attack: on our memory, by a patch that is larger than the pod.
inline constexpr std::size_t kMostOthers = 16;

/// What a pod has under one of our names in one of its lists.
struct Named {
  std::optional<std::size_t> first;  ///< Index of the first one.
  std::vector<std::size_t> others;   ///< Of further ones: names must be unique.
  bool first_is_ours = false;        ///< It is what we would inject, as far as it is ours to say.
  bool all_are_ours = true;          ///< So are the others.
  bool has_too_many = false;         ///< More than are taken out one by one.
};

/// An annotation of our name.
enum class Presence { kAbsent, kOurs, kForeign };

/// What the decision and the patch need to know of a pod, read once.
struct PodFacts {
  bool is_mirror = false;
  bool is_windows = false;
  std::string mode;  ///< Label code-executor-webhook/mode, or empty.

  std::optional<std::size_t> target;  ///< Index in spec.containers.
  TargetContext context;              ///< The target's securityContext.
  bool runs_without_nsjail = false;

  bool uses_host_namespace = false;  ///< hostNetwork, hostPID or hostIPC.
  std::optional<bool> host_users;
  bool has_raw_block_volume = false;
  bool has_unmappable_volume = false;  ///< A container mounts what no node can id-map.
  bool has_unmapped_id = false;        ///< A user or group id from Policy::ids_per_pod on.

  // What a sandbox does not hold. The decision is the same; who creates the pod is told.
  bool target_has_kubelet_root = false;  ///< It mounts the kubelet's directory, or one above.
  bool can_write_profiles = false;       ///< Another mount shows the kubelet's seccomp directory.
  bool has_privileged_sidecar = false;

  Named profile_volume;
  Named host_volume;
  Named installer;                         ///< Among the init containers.
  std::vector<Edit> installer_edits;       ///< What makes the first installer ours.
  bool has_container_of_our_name = false;  ///< Among the other containers.
  bool has_foreign_mount = false;  ///< Another container than the installer mounts our volumes.

  bool has_checksum = false;  ///< The annotation, with the value we would set.
  Presence profile_annotation = Presence::kAbsent;
  bool has_legacy_app_armor = false;

  PodConstraints constraints;                      ///< Of the nodes that it may go to.
  std::optional<std::string> affinity_annotation;  ///< kAffinityAnnotation; empty if too long.
  Placement placement;  ///< By what is known of the nodes: filled in by review().

  // Parents of what is added: null counts as absent.
  bool has_metadata = false;
  bool has_annotations = false;
  bool has_volumes = false;
  bool has_init_containers = false;
};

/// Reads `pod`, a v1 Pod, with the eyes of `sandbox`: the target's name and what would be injected.
/// What is wrong with a field that is read sticks to the document of `pod`.
PodFacts read_pod_facts(const JsonValue& pod, const Sandbox& sandbox);

/// True if a pod with `pod`'s facts has all that `delivery` and its placement ask for, and nothing
/// left of another.
bool is_up_to_date(const PodFacts& pod, Delivery delivery);

}  // namespace webhook
