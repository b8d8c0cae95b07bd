#include "support/oracle.h"

#include <algorithm>
#include <vector>

#include "support/plain_constraints.h"
#include "support/plain_mounts.h"
#include "support/plain_reading.h"

namespace webhook {
namespace {

using plainly::at;
using plainly::erase_if_equal;
using plainly::is_same;
using plainly::is_true;
using plainly::Json;
using plainly::other_containers;
using plainly::text_at;
using plainly::without_nulls;

/// A volume without what the API server adds to it.
Json without_defaults(Json volume) {
  for (const char* source : {"configMap", "downwardAPI"}) {
    if (volume.contains(source)) erase_if_equal(volume[source], "defaultMode", 420);
  }
  if (const Json items = at(at(volume, "downwardAPI"), "items"); items.is_array()) {
    for (Json& item : volume["downwardAPI"]["items"]) {
      if (item.is_object() && item.contains("fieldRef")) {
        erase_if_equal(item["fieldRef"], "apiVersion", "v1");
      }
    }
  }
  return volume;
}

bool is_volume_of_ours(const Json& volume, const OwnVolume& ours) {
  return is_same(without_defaults(without_nulls(volume)), ours.fragment.value);
}

bool is_token_mount(const Json& mount) {
  return mount.is_object() && mount.size() == 3 &&
         text_at(mount, "name").starts_with("kube-api-access-") &&
         text_at(mount, "mountPath") == "/var/run/secrets/kubernetes.io/serviceaccount" &&
         is_true(at(mount, "readOnly"));
}

/// An init container of our name, and ours, without what others may have written to it.
bool is_installer_of_ours(Json container, Json ours) {
  container = without_nulls(container);
  for (Json* either : {&container, &ours}) {
    either->erase("resources");
    either->erase("imagePullPolicy");
    either->erase("resizePolicy");
  }
  erase_if_equal(container, "terminationMessagePath", "/dev/termination-log");
  erase_if_equal(container, "terminationMessagePolicy", "File");
  if (Json& mounts = container["volumeMounts"]; mounts.is_array()) {
    const auto token = std::find_if(mounts.begin(), mounts.end(), is_token_mount);
    if (token != mounts.end()) mounts.erase(token);
  }
  const auto configured = ours.at("image").get<std::string>();
  const std::string digest = configured.substr(std::min(configured.find('@'), configured.size()));
  if (!digest.empty() && text_at(container, "image").ends_with(digest)) {
    container["image"] = configured;
  }
  return is_same(container, ours);
}

void note(Named& named, std::size_t index, bool is_ours) {
  if (!named.first) {
    named.first = index;
    named.first_is_ours = is_ours;
  } else {
    named.others.push_back(index);
  }
  if (!is_ours) named.all_are_ours = false;
}

Named find_volume(const Json& spec, const OwnVolume& ours) {
  Named named;
  const Json volumes = at(spec, "volumes");
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    if (at(volumes[i], "name") != ours.fragment.value.at("name")) continue;
    note(named, i, is_volume_of_ours(volumes[i], ours));
  }
  return named;
}

Named find_installer(const Json& spec, const Sandbox& sandbox) {
  Named named;
  const Json containers = at(spec, "initContainers");
  for (std::size_t i = 0; i < containers.size(); ++i) {
    if (at(containers[i], "name") != "install-seccomp") continue;
    note(named, i, is_installer_of_ours(containers[i], sandbox.installer.whole.value));
  }
  return named;
}

bool has_unmapped_id(const Json& context, std::int64_t ids) {
  std::vector<Json> all;
  for (const char* id : {"runAsUser", "runAsGroup", "fsGroup"}) all.push_back(at(context, id));
  for (const Json& group : at(context, "supplementalGroups")) all.push_back(group);
  return std::any_of(all.begin(), all.end(), [&](const Json& id) {
    return id.is_number_integer() && (id < 0 || id >= ids);
  });
}

void read_ids(const Json& spec, const Sandbox& sandbox, PodFacts& facts) {
  const std::int64_t ids = sandbox.policy.ids_per_pod;
  facts.has_unmapped_id = has_unmapped_id(at(spec, "securityContext"), ids);
  for (const Json& container : other_containers(spec)) {
    if (has_unmapped_id(at(container, "securityContext"), ids)) facts.has_unmapped_id = true;
  }
}

void read_target(const Json& spec, const Sandbox& sandbox, PodFacts& facts) {
  const Json containers = at(spec, "containers");
  for (std::size_t i = 0; i < containers.size() && !facts.target; ++i) {
    if (at(containers[i], "name") != sandbox.policy.container_name) continue;
    facts.target = i;
    for (const Json& variable : at(containers[i], "env")) {
      if (at(variable, "name") != "CONTAINER_UNPRIVILEGED_MODE") continue;
      facts.runs_without_nsjail = at(variable, "value") == "true";
    }
    facts.context = plainly::classify(at(containers[i], "securityContext"), sandbox,
                                      facts.has_legacy_app_armor);
  }
}

bool has_devices(const Json& spec) {
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    for (const Json& container : at(spec, list)) {
      if (!at(container, "volumeDevices").empty()) return true;
    }
  }
  return false;
}

PodFacts read_pod(const Json& pod, const Sandbox& sandbox) {
  const Json metadata = at(pod, "metadata");
  const Json annotations = at(metadata, "annotations");
  const Json spec = at(pod, "spec");
  PodFacts facts;
  facts.has_metadata = !metadata.is_null();
  facts.has_annotations = !annotations.is_null();
  facts.has_volumes = !at(spec, "volumes").is_null();
  facts.has_init_containers = !at(spec, "initContainers").is_null();
  facts.is_mirror = !at(annotations, "kubernetes.io/config.mirror").is_null();
  facts.has_checksum = at(annotations, "checksum/seccomp") == sandbox.policy.profile.sha256;
  const Json profile = at(annotations, "code-executor-webhook/nsjail-seccomp.json");
  facts.profile_annotation = profile.is_null()                         ? Presence::kAbsent
                             : profile == sandbox.policy.profile.bytes ? Presence::kOurs
                                                                       : Presence::kForeign;
  facts.has_legacy_app_armor = !at(annotations, "container.apparmor.security.beta.kubernetes.io/" +
                                                    sandbox.policy.container_name)
                                    .is_null();
  const Json affinity = at(annotations, "code-executor-webhook/node-affinity");
  if (affinity.is_string()) facts.affinity_annotation = affinity;
  facts.mode = text_at(at(metadata, "labels"), "code-executor-webhook/mode");
  facts.is_windows = at(at(spec, "os"), "name") == "windows";
  if (const Json users = at(spec, "hostUsers"); users.is_boolean()) facts.host_users = users;
  facts.uses_host_namespace = is_true(at(spec, "hostNetwork")) || is_true(at(spec, "hostPID")) ||
                              is_true(at(spec, "hostIPC"));
  facts.has_raw_block_volume = has_devices(spec);
  facts.profile_volume = find_volume(spec, sandbox.profile_volume);
  facts.host_volume = find_volume(spec, sandbox.host_volume);
  facts.installer = find_installer(spec, sandbox);
  facts.constraints = plainly::read_constraints(spec);
  read_ids(spec, sandbox, facts);
  read_target(spec, sandbox, facts);
  plainly::read_mounts(spec, sandbox, facts);
  plainly::read_sidecars(spec, facts);
  return facts;
}

Json to_fields(const Named& named) {
  return {{"first", named.first ? Json(*named.first) : Json()},
          {"others", named.others},
          {"first_is_ours", named.first_is_ours},
          {"all_are_ours", named.all_are_ours}};
}

Json to_fields(const TargetContext& context) {
  return {{"kind", context.kind},
          {"is_privileged", context.is_privileged},
          {"keeps_members", context.keeps_members},
          {"unmasks_proc", context.unmasks_proc},
          {"forbids_escalation", context.forbids_escalation},
          {"has_localhost_profile", context.has_localhost_profile},
          {"has_current_profile", context.has_current_profile},
          {"app_armor", context.app_armor}};
}

Json to_fields(const PodFacts& pod) {
  return {
      {"is_mirror", pod.is_mirror},
      {"is_windows", pod.is_windows},
      {"mode", pod.mode},
      {"target", pod.target ? Json(*pod.target) : Json()},
      {"context", to_fields(pod.context)},
      {"runs_without_nsjail", pod.runs_without_nsjail},
      {"uses_host_namespace", pod.uses_host_namespace},
      {"host_users", pod.host_users ? Json(*pod.host_users) : Json()},
      {"has_raw_block_volume", pod.has_raw_block_volume},
      {"has_unmappable_volume", pod.has_unmappable_volume},
      {"has_unmapped_id", pod.has_unmapped_id},
      {"target_has_kubelet_root", pod.target_has_kubelet_root},
      {"can_write_profiles", pod.can_write_profiles},
      {"has_privileged_sidecar", pod.has_privileged_sidecar},
      {"profile_volume", to_fields(pod.profile_volume)},
      {"host_volume", to_fields(pod.host_volume)},
      {"installer", to_fields(pod.installer)},
      {"has_container_of_our_name", pod.has_container_of_our_name},
      {"has_foreign_mount", pod.has_foreign_mount},
      {"has_checksum", pod.has_checksum},
      {"profile_annotation", pod.profile_annotation},
      {"has_legacy_app_armor", pod.has_legacy_app_armor},
      {"constraints", plainly::to_fields(pod.constraints)},
      {"affinity_annotation", pod.affinity_annotation ? Json(*pod.affinity_annotation) : Json()},
      {"has_metadata", pod.has_metadata},
      {"has_annotations", pod.has_annotations},
      {"has_volumes", pod.has_volumes},
      {"has_init_containers", pod.has_init_containers}};
}

}  // namespace

AdmissionRequest read_plainly(const nlohmann::json& review, const Sandbox& sandbox) {
  const Json& from = review.at("request");
  const Json kind = at(from, "kind");
  const Json metadata = at(at(from, "object"), "metadata");
  AdmissionRequest request;
  request.uid = text_at(from, "uid");
  request.ns = text_at(from, "namespace");
  request.name = text_at(from, "name");
  request.dry_run = is_true(at(from, "dryRun"));
  request.is_pod_create = text_at(from, "operation") == "CREATE" && text_at(kind, "group") == "" &&
                          text_at(kind, "version") == "v1" && text_at(kind, "kind") == "Pod" &&
                          text_at(from, "subResource") == "";
  if (!request.is_pod_create) return request;
  if (request.name.empty()) request.name = text_at(metadata, "name");
  if (request.name.empty()) request.name = text_at(metadata, "generateName");
  request.pod = read_pod(at(from, "object"), sandbox);
  return request;
}

nlohmann::json to_fields(const AdmissionRequest& request) {
  return {{"uid", request.uid},
          {"ns", request.ns},
          {"name", request.name},
          {"dry_run", request.dry_run},
          {"is_pod_create", request.is_pod_create},
          {"pod", to_fields(request.pod)}};
}

}  // namespace webhook
