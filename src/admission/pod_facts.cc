#include "admission/pod_facts.h"

#include <algorithm>
#include <utility>

#include "admission/node_mounts.h"
#include "admission/unmapped_id.h"
#include "base/json_reader.h"

namespace webhook {
namespace {

/// What is known before the containers are read.
struct Reading {
  const Sandbox& sandbox;
  PodFacts& facts;
  std::vector<OutsideVolume> outside_volumes;  ///< But ours; sorted by name.
};

/// True if an annotation is there, whatever it says.
bool has_annotation(const JsonValue& annotations, std::string_view key) {
  const JsonValue annotation = annotations.field(key);
  (void)annotation.string();  // refuses what is no string
  return annotation.is_present();
}

bool has_annotation(const JsonValue& annotations, std::string_view key, const Fragment& want) {
  const JsonValue annotation = annotations.field(key);
  return has_annotation(annotations, key) && annotation.matches(want.value);
}

void read_annotations(const JsonValue& annotations, const Sandbox& sandbox, PodFacts& facts) {
  facts.has_annotations = annotations.is_present();
  facts.is_mirror = has_annotation(annotations, kMirrorAnnotation);
  facts.has_checksum = has_annotation(annotations, kChecksumAnnotation, sandbox.checksum);
  if (has_annotation(annotations, kProfileAnnotation)) {
    const bool is_ours =
        has_annotation(annotations, kProfileAnnotation, sandbox.profile_annotation);
    facts.profile_annotation = is_ours ? Presence::kOurs : Presence::kForeign;
  }
  const JsonValue affinity = annotations.field(kAffinityAnnotation);
  if (const std::string_view text = affinity.string(); affinity.is_present()) {
    facts.affinity_annotation = text.size() > kMaxAffinityAnnotation ? "" : text;
  }
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
  const JsonValue env = container.field("env");
  const JsonValue variable = env.last_named(kUnprivilegedVariable);
  return variable.field("value").string() == "true";
}

void note(Named& named, std::size_t index, bool is_ours) {
  named.all_are_ours = is_ours && named.all_are_ours;
  if (named.first) {
    named.has_too_many = named.has_too_many || named.others.size() == kMostOthers;
    if (!named.has_too_many) named.others.push_back(index);
  } else {
    named.first = index;
    named.first_is_ours = is_ours;
  }
}

void note(const MountedView& view, bool is_target, PodFacts& facts) {
  facts.has_unmappable_volume = view.is_unmappable || facts.has_unmappable_volume;
  if (is_target && view.has_kubelet_root) {
    facts.target_has_kubelet_root = true;  // which says more than that it can write below
  } else {
    facts.can_write_profiles = view.can_write_profiles || facts.can_write_profiles;
  }
}

bool is_named_before(const OutsideVolume& volume, std::string_view name) {
  return volume.name < name;
}

/// What a container mounts: of our volumes, and of those that lead out of the pod.
void read_mounts(const JsonValue& container, bool is_target, Reading& reading) {
  const JsonValue mounts = container.field("volumeMounts");
  mounts.for_each([&](const JsonValue& mount, std::size_t) {
    const std::string_view name = mount.field("name").string();
    if (name == kProfileVolume || name == kHostVolume) reading.facts.has_foreign_mount = true;
    const auto& volumes = reading.outside_volumes;
    const auto volume = std::lower_bound(volumes.begin(), volumes.end(), name, is_named_before);
    if (volume == volumes.end() || volume->name != name) return;
    const std::string& seccomp_dir = reading.sandbox.policy.kubelet_seccomp_dir;
    note(to_mounted_view(*volume, mount, seccomp_dir), is_target, reading.facts);
  });
}

void read_any_container(const JsonValue& container, bool is_target, Reading& reading) {
  PodFacts& facts = reading.facts;
  facts.has_raw_block_volume =
      container.field("volumeDevices").size() > 0 || facts.has_raw_block_volume;
  read_mounts(container, is_target, reading);
  const JsonValue context = container.field("securityContext");
  facts.has_unmapped_id =
      has_unmapped_id(context, reading.sandbox.policy.ids_per_pod) || facts.has_unmapped_id;
}

/// A container that runs beside the target.
void read_sidecar(const JsonValue& container, PodFacts& facts) {
  const JsonValue context = container.field("securityContext");
  facts.has_privileged_sidecar =
      context.field("privileged").matches(true) || facts.has_privileged_sidecar;
}

/// An init container of our name is not judged as others are: it is ours, replaced or refused.
void read_installer(const JsonValue& container, std::size_t index, Reading& reading) {
  auto edits = to_installer_edits(container, reading.sandbox);
  note(reading.facts.installer, index, edits.empty());
  if (reading.facts.installer.first == index) reading.facts.installer_edits = std::move(edits);
}

/// The first container of its name.
bool is_target(const JsonValue& container, const Reading& reading) {
  return !reading.facts.target &&
         container.field("name").string() == reading.sandbox.policy.container_name;
}

void read_target(const JsonValue& container, std::size_t index, Reading& reading) {
  PodFacts& facts = reading.facts;
  facts.target = index;
  facts.runs_without_nsjail = runs_without_nsjail(container);
  const JsonValue context = container.field("securityContext");
  facts.context = read_target_context(context, reading.sandbox, facts.has_legacy_app_armor);
}

void read_containers(const JsonValue& spec, Reading& reading) {
  const JsonValue init_containers = spec.field("initContainers");
  reading.facts.has_init_containers = init_containers.is_present();
  init_containers.for_each([&](const JsonValue& container, std::size_t index) {
    if (container.field("name").string() == kInstaller) {
      read_installer(container, index, reading);
      return;
    }
    read_any_container(container, false, reading);
    if (container.field("restartPolicy").matches("Always")) read_sidecar(container, reading.facts);
  });
  for (const std::string_view kind : {"containers", "ephemeralContainers"}) {
    const JsonValue containers = spec.field(kind);
    containers.for_each([&](const JsonValue& container, std::size_t index) {
      const bool is_ours = container.field("name").string() == kInstaller;
      reading.facts.has_container_of_our_name = is_ours || reading.facts.has_container_of_our_name;
      const bool is_first = kind == "containers" && is_target(container, reading);
      read_any_container(container, is_first, reading);
      if (is_first) read_target(container, index, reading);
      if (!is_first) read_sidecar(container, reading.facts);
    });
  }
}

void read_volumes(const JsonValue& volumes, Reading& reading) {
  const Sandbox& sandbox = reading.sandbox;
  reading.facts.has_volumes = volumes.is_present();
  volumes.for_each([&](const JsonValue& volume, std::size_t index) {
    const std::string_view name = volume.field("name").string();
    const auto is_like = [&](const OwnVolume& ours) {
      return volume.is_between(ours.fragment.value, ours.with_defaults);
    };
    if (name == kProfileVolume) {
      note(reading.facts.profile_volume, index, is_like(sandbox.profile_volume));
    } else if (name == kHostVolume) {
      note(reading.facts.host_volume, index, is_like(sandbox.host_volume));
    } else if (auto outside = to_outside_volume(volume)) {
      reading.outside_volumes.push_back(std::move(*outside));
    }
  });
  // Of a name that is there twice, which API servers refuse, the first counts.
  std::stable_sort(reading.outside_volumes.begin(), reading.outside_volumes.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
}

void read_spec(const JsonValue& spec, const Sandbox& sandbox, PodFacts& facts) {
  const JsonValue os = spec.field("os");
  facts.is_windows = os.field("name").string() == "windows";
  facts.host_users = spec.field("hostUsers").boolean();
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC"}) {
    facts.uses_host_namespace =
        spec.field(field).boolean().value_or(false) || facts.uses_host_namespace;
  }
  const JsonValue context = spec.field("securityContext");
  facts.has_unmapped_id = has_unmapped_id(context, sandbox.policy.ids_per_pod);
  facts.constraints = read_pod_constraints(spec);
  Reading reading{sandbox, facts, {}};
  read_volumes(spec.field("volumes"), reading);
  read_containers(spec, reading);
}

bool is_as_delivered(const Named& named, Delivery delivery) {
  if (!named.others.empty()) return false;
  return delivery == Delivery::kPreinstalled ? !named.first : named.first && named.first_is_ours;
}

}  // namespace

PodFacts read_pod_facts(const JsonValue& pod, const Sandbox& sandbox) {
  PodFacts facts;
  read_metadata(pod.field("metadata"), sandbox, facts);
  read_spec(pod.field("spec"), sandbox, facts);
  return facts;
}

bool is_up_to_date(const PodFacts& pod, Delivery delivery) {
  const Presence annotation =
      delivery == Delivery::kAnnotation ? Presence::kOurs : Presence::kAbsent;
  return pod.context.is_current() && pod.host_users == false && pod.has_checksum &&
         pod.placement.is_up_to_date() && pod.profile_annotation == annotation &&
         is_as_delivered(pod.profile_volume, delivery) &&
         is_as_delivered(pod.host_volume, delivery) && is_as_delivered(pod.installer, delivery) &&
         pod.installer.first.value_or(0) == 0;
}

}  // namespace webhook
