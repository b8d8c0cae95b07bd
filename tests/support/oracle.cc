#include "support/oracle.h"

#include <algorithm>
#include <string_view>

namespace webhook {
namespace {

using Json = nlohmann::json;

/// Member `key`, or null.
Json at(const Json& object, std::string_view key) {
  return object.is_object() ? object.value(std::string(key), Json()) : Json();
}

std::string text_at(const Json& object, std::string_view key) {
  const Json value = at(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

bool is_true(const Json& value) { return value == true; }

Json without_nulls(Json object) {
  for (auto member = object.begin(); member != object.end();) {
    if (member->is_null()) {
      member = object.erase(member);
    } else {
      if (member->is_object()) *member = without_nulls(*member);
      ++member;
    }
  }
  return object;
}

/// True if `have` is `want` and more: a list of objects need only have all of them. Scalars are
/// compared as text, since nlohmann takes 0 and 0.0 for equal.
bool has_all_of(const Json& have, const Json& want) {
  if (want.is_object()) {
    return have.is_object() &&
           std::all_of(want.items().begin(), want.items().end(), [&](const auto& item) {
             return has_all_of(at(have, item.key()), item.value());
           });
  }
  if (!want.is_array() || want.empty() || !want[0].is_object()) return have.dump() == want.dump();
  return have.is_array() && std::all_of(want.begin(), want.end(), [&](const Json& wanted) {
           return std::any_of(have.begin(), have.end(),
                              [&](const Json& element) { return has_all_of(element, wanted); });
         });
}

Presence presence_of(const std::vector<bool>& are_ours) {
  if (are_ours.empty()) return Presence::kAbsent;
  return std::count(are_ours.begin(), are_ours.end(), false) == 0 ? Presence::kOurs
                                                                  : Presence::kForeign;
}

Presence find_volume(const Json& spec, const Fragment& ours) {
  std::vector<bool> found;
  for (const Json& volume : at(spec, "volumes")) {
    if (at(volume, "name") == ours.value.at("name")) {
      found.push_back(has_all_of(volume, ours.value));
    }
  }
  return presence_of(found);
}

Presence find_installer(const Json& spec, const Sandbox& sandbox) {
  std::vector<bool> found;
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    for (const Json& container : at(spec, list)) {
      if (at(container, "name") != "install-seccomp") continue;
      found.push_back(std::string_view(list) == "initContainers" &&
                      has_all_of(container, sandbox.installer_identity));
    }
  }
  return presence_of(found);
}

TargetContext classify(Json context, const Sandbox& sandbox, bool has_legacy_app_armor) {
  if (!context.is_object()) return TargetContext::kAbsent;
  context = without_nulls(context);
  if (context.empty()) return TargetContext::kAbsent;
  if (context == sandbox.context.value ||
      (has_legacy_app_armor && context == sandbox.context_no_apparmor.value)) {
    return TargetContext::kOurs;
  }
  return context == Json{{"privileged", true}} ? TargetContext::kChartDefault
                                               : TargetContext::kExplicit;
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
    facts.target_context =
        classify(at(containers[i], "securityContext"), sandbox, facts.has_legacy_app_armor);
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
  facts.has_profile_annotation =
      at(annotations, "code-executor-webhook/nsjail-seccomp.json") == sandbox.policy.profile.bytes;
  facts.has_legacy_app_armor = !at(annotations, "container.apparmor.security.beta.kubernetes.io/" +
                                                    sandbox.policy.container_name)
                                    .is_null();
  facts.mode = text_at(at(metadata, "labels"), "code-executor-webhook/mode");
  facts.is_windows = at(at(spec, "os"), "name") == "windows";
  if (const Json users = at(spec, "hostUsers"); users.is_boolean()) facts.host_users = users;
  facts.uses_host_namespace = is_true(at(spec, "hostNetwork")) || is_true(at(spec, "hostPID")) ||
                              is_true(at(spec, "hostIPC"));
  facts.has_raw_block_volume = has_devices(spec);
  facts.profile_volume = find_volume(spec, sandbox.profile_volume);
  facts.host_volume = find_volume(spec, sandbox.host_volume);
  facts.installer = find_installer(spec, sandbox);
  read_target(spec, sandbox, facts);
  return facts;
}

Json to_fields(const PodFacts& pod) {
  return {{"is_mirror", pod.is_mirror},
          {"is_windows", pod.is_windows},
          {"mode", pod.mode},
          {"target", pod.target ? Json(*pod.target) : Json()},
          {"target_context", pod.target_context},
          {"runs_without_nsjail", pod.runs_without_nsjail},
          {"uses_host_namespace", pod.uses_host_namespace},
          {"host_users", pod.host_users ? Json(*pod.host_users) : Json()},
          {"has_raw_block_volume", pod.has_raw_block_volume},
          {"profile_volume", pod.profile_volume},
          {"host_volume", pod.host_volume},
          {"installer", pod.installer},
          {"has_checksum", pod.has_checksum},
          {"has_profile_annotation", pod.has_profile_annotation},
          {"has_legacy_app_armor", pod.has_legacy_app_armor},
          {"has_metadata", pod.has_metadata},
          {"has_annotations", pod.has_annotations},
          {"has_volumes", pod.has_volumes},
          {"has_init_containers", pod.has_init_containers}};
}

}  // namespace

AdmissionRequest read_plainly(const Json& review, const Sandbox& sandbox) {
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

Json to_fields(const AdmissionRequest& request) {
  return {{"uid", request.uid},
          {"ns", request.ns},
          {"name", request.name},
          {"dry_run", request.dry_run},
          {"is_pod_create", request.is_pod_create},
          {"pod", to_fields(request.pod)}};
}

}  // namespace webhook
