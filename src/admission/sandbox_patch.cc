#include "admission/sandbox_patch.h"

#include <initializer_list>
#include <string>
#include <string_view>

namespace webhook {
namespace {

/// A member of an object that is to be set.
struct Member {
  std::string_view key;
  const std::string* text;  ///< Its value, or null where nothing is to be set.
};

void add_annotations(JsonPatch& patch, const PodFacts& pod, std::initializer_list<Member> members) {
  if (pod.has_annotations) {
    for (const auto& [key, text] : members) {
      if (text != nullptr) patch.add("/metadata/annotations/" + escape_pointer_token(key), *text);
    }
    return;
  }
  std::string map;
  for (const auto& [key, text] : members) {
    if (text == nullptr) continue;
    map.append(map.empty() ? "{\"" : ",\"").append(key).append("\":").append(*text);
  }
  if (map.empty()) return;
  map += '}';
  if (pod.has_metadata) {
    patch.add("/metadata/annotations", map);
  } else {
    patch.add("/metadata", "{\"annotations\":" + map + '}');
  }
}

void add_volumes(JsonPatch& patch, const PodFacts& pod,
                 std::initializer_list<const std::string*> volumes) {
  std::string list;
  for (const std::string* volume : volumes) {
    if (volume == nullptr) continue;
    if (pod.has_volumes) {
      patch.add("/spec/volumes/-", *volume);
    } else {
      list.append(list.empty() ? "[" : ",").append(*volume);
    }
  }
  if (!list.empty()) patch.add("/spec/volumes", list + ']');
}

std::string context_pointer(const PodFacts& pod) {
  return "/spec/containers/" + std::to_string(pod.target.value()) + "/securityContext";
}

const std::string* text_unless(bool is_there, const Fragment& fragment) {
  return is_there ? nullptr : &fragment.text;
}

}  // namespace

JsonPatch to_sandbox_patch(const PodFacts& pod, const Sandbox& sandbox) {
  const bool annotation_delivery = sandbox.policy.delivery == Delivery::kAnnotation;
  JsonPatch patch;
  if (pod.host_users != false) patch.add("/spec/hostUsers", "false");
  add_annotations(
      patch, pod,
      {{kChecksumAnnotation, text_unless(pod.has_checksum, sandbox.checksum)},
       {kProfileAnnotation, text_unless(!annotation_delivery || pod.has_profile_annotation,
                                        sandbox.profile_annotation)}});
  add_volumes(patch, pod,
              {text_unless(pod.profile_volume == Presence::kOurs, sandbox.profile_volume),
               text_unless(pod.host_volume == Presence::kOurs, sandbox.host_volume)});
  if (pod.installer == Presence::kAbsent) {
    if (pod.has_init_containers) {
      patch.add("/spec/initContainers/0", sandbox.installer.text);
    } else {
      patch.add("/spec/initContainers", '[' + sandbox.installer.text + ']');
    }
  }
  patch.add(context_pointer(pod),
            (pod.has_legacy_app_armor ? sandbox.context_no_apparmor : sandbox.context).text);
  return patch;
}

JsonPatch to_privileged_patch(const PodFacts& pod) {
  JsonPatch patch;
  if (pod.target_context != TargetContext::kChartDefault) {
    patch.add(context_pointer(pod), R"({"privileged":true})");
  }
  return patch;
}

}  // namespace webhook
