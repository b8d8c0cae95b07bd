#include "admission/pod_facts.h"

#include "base/json_reader.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

/// True if an annotation is there, whatever it says.
bool has_annotation(const JsonValue& annotations, std::string_view key) {
  const JsonValue annotation = annotations.field(key);
  (void)annotation.string();  // refuses what is no string
  return annotation.is_present();
}

bool has_annotation(const JsonValue& annotations, std::string_view key, const Fragment& want) {
  return has_annotation(annotations, key) &&
         annotations.field(key).matches(want.value, Match::kExact);
}

void read_annotations(const JsonValue& annotations, const Sandbox& sandbox, PodFacts& facts) {
  facts.has_annotations = annotations.is_present();
  facts.is_mirror = has_annotation(annotations, "kubernetes.io/config.mirror");
  facts.has_checksum = has_annotation(annotations, kChecksumAnnotation, sandbox.checksum);
  facts.has_profile_annotation =
      has_annotation(annotations, kProfileAnnotation, sandbox.profile_annotation);
  const std::string app_armor =
      std::string(kLegacyAppArmorAnnotation) + sandbox.policy.container_name;
  facts.has_legacy_app_armor = has_annotation(annotations, app_armor);
}

void read_metadata(const JsonValue& metadata, const Sandbox& sandbox, PodFacts& facts) {
  facts.has_metadata = metadata.is_present();
  read_annotations(metadata.field("annotations"), sandbox, facts);
  const JsonValue labels = metadata.field("labels");
  facts.mode = labels.field(kModeLabel).string();
}

/// CONTAINER_UNPRIVILEGED_MODE=true: the code-executor runs user code without nsjail. Of a name
/// that is there several times the kubelet takes the last.
bool runs_without_nsjail(const JsonValue& container) {
  bool without = false;
  const JsonValue env = container.field("env");
  env.for_each([&](const JsonValue& variable, std::size_t) {
    if (variable.field("name").string() != "CONTAINER_UNPRIVILEGED_MODE") return;
    without = variable.field("value").string() == "true";
  });
  return without;
}

TargetContext read_target_context(const JsonValue& context, const Sandbox& sandbox,
                                  const PodFacts& facts) {
  static const Json kChartDefault = {{"privileged", true}};
  if (!context.has_members()) return TargetContext::kAbsent;
  if (context.matches(sandbox.context.value, Match::kExact)) return TargetContext::kOurs;
  // A pod read back from the cluster has both the field and the annotation: the API server writes
  // the one from the other.
  if (facts.has_legacy_app_armor &&
      context.matches(sandbox.context_no_apparmor.value, Match::kExact)) {
    return TargetContext::kOurs;
  }
  if (context.matches(kChartDefault, Match::kExact)) return TargetContext::kChartDefault;
  return TargetContext::kExplicit;
}

/// What is found under one of our names. Once foreign, always foreign: names must be unique.
void note(Presence& presence, bool is_ours) {
  presence = is_ours && presence != Presence::kForeign ? Presence::kOurs : Presence::kForeign;
}

void read_target(const JsonValue& container, std::size_t index, const Sandbox& sandbox,
                 PodFacts& facts) {
  facts.target = index;
  facts.runs_without_nsjail = runs_without_nsjail(container);
  facts.target_context = read_target_context(container.field("securityContext"), sandbox, facts);
}

void read_containers(const JsonValue& spec, const Sandbox& sandbox, PodFacts& facts) {
  for (const std::string_view kind : {"initContainers", "containers", "ephemeralContainers"}) {
    const JsonValue containers = spec.field(kind);
    if (kind == "initContainers") facts.has_init_containers = containers.is_present();
    containers.for_each([&](const JsonValue& container, std::size_t index) {
      const std::string_view name = container.field("name").string();
      facts.has_raw_block_volume =
          container.field("volumeDevices").size() > 0 || facts.has_raw_block_volume;
      if (name == kInstaller) {
        note(facts.installer, kind == "initContainers" &&
                                  container.matches(sandbox.installer_identity, Match::kSubset));
      }
      if (kind == "containers" && name == sandbox.policy.container_name && !facts.target) {
        read_target(container, index, sandbox, facts);
      }
    });
  }
}

void read_volumes(const JsonValue& volumes, const Sandbox& sandbox, PodFacts& facts) {
  facts.has_volumes = volumes.is_present();
  volumes.for_each([&](const JsonValue& volume, std::size_t) {
    const std::string_view name = volume.field("name").string();
    if (name == kProfileVolume) {
      note(facts.profile_volume, volume.matches(sandbox.profile_volume.value, Match::kSubset));
    }
    if (name == kHostVolume) {
      note(facts.host_volume, volume.matches(sandbox.host_volume.value, Match::kSubset));
    }
  });
}

void read_spec(const JsonValue& spec, const Sandbox& sandbox, PodFacts& facts) {
  const JsonValue os = spec.field("os");
  facts.is_windows = os.field("name").string() == "windows";
  facts.host_users = spec.field("hostUsers").boolean();
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC"}) {
    facts.uses_host_namespace =
        spec.field(field).boolean().value_or(false) || facts.uses_host_namespace;
  }
  read_volumes(spec.field("volumes"), sandbox, facts);
  read_containers(spec, sandbox, facts);
}

}  // namespace

PodFacts read_pod_facts(const JsonValue& pod, const Sandbox& sandbox) {
  PodFacts facts;
  read_metadata(pod.field("metadata"), sandbox, facts);
  read_spec(pod.field("spec"), sandbox, facts);
  return facts;
}

}  // namespace webhook
