#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "admission/sandbox.h"

namespace webhook {

class JsonValue;

/// Whether a pod has a volume or container with one of our names.
enum class Presence {
  kAbsent,
  kOurs,     ///< What we would inject, as far as it matters.
  kForeign,  ///< Something else.
};

/// What the target container says of its own securityContext.
enum class TargetContext {
  kAbsent,        ///< Nothing: absent, null, {}, or members that are all null.
  kOurs,          ///< Exactly what we would inject.
  kChartDefault,  ///< Exactly {privileged: true}, which every released chart renders by itself.
  kExplicit,      ///< Anything else.
};

/// What the decision and the patch need to know of a pod, read once.
struct PodFacts {
  bool is_mirror = false;
  bool is_windows = false;
  std::string mode;  ///< Label code-executor-webhook/mode, or empty.

  std::optional<std::size_t> target;  ///< Index in spec.containers.
  TargetContext target_context = TargetContext::kAbsent;
  bool runs_without_nsjail = false;

  bool uses_host_namespace = false;  ///< hostNetwork, hostPID or hostIPC.
  std::optional<bool> host_users;
  bool has_raw_block_volume = false;

  Presence profile_volume = Presence::kAbsent;
  Presence host_volume = Presence::kAbsent;
  Presence installer = Presence::kAbsent;
  bool has_checksum = false;            ///< The annotation, with the value we would set.
  bool has_profile_annotation = false;  ///< Likewise.
  bool has_legacy_app_armor = false;

  // Parents of what is added: null counts as absent.
  bool has_metadata = false;
  bool has_annotations = false;
  bool has_volumes = false;
  bool has_init_containers = false;
};

/// Reads `pod`, a v1 Pod, with the eyes of `sandbox`: the target's name and what would be injected.
/// What is wrong with a field that is read sticks to the document of `pod`.
PodFacts read_pod_facts(const JsonValue& pod, const Sandbox& sandbox);

}  // namespace webhook
