#include "admission/sandbox_patch.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {
namespace {

constexpr std::string_view kVolumes = "/spec/volumes";
constexpr std::string_view kInitContainers = "/spec/initContainers";

/// A member of an object that is to be set.
struct Member {
  std::string_view key;
  const std::string* text;  ///< Its value, or null where nothing is to be set.
};

std::string at(std::string_view list, std::size_t index) {
  return std::string(list) + '/' + std::to_string(index);
}

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

const std::string* text_unless(bool is_there, const Fragment& fragment) {
  return is_there ? nullptr : &fragment.text;
}

void set_annotations(JsonPatch& patch, const PodFacts& pod, const Sandbox& sandbox) {
  const bool by_annotation = sandbox.policy.delivery == Delivery::kAnnotation;
  const bool has_profile = pod.profile_annotation == Presence::kOurs;
  add_annotations(patch, pod,
                  {{kChecksumAnnotation, text_unless(pod.has_checksum, sandbox.checksum)},
                   {kProfileAnnotation,
                    text_unless(!by_annotation || has_profile, sandbox.profile_annotation)}});
  if (!by_annotation && pod.profile_annotation != Presence::kAbsent) {
    patch.remove("/metadata/annotations/" + escape_pointer_token(kProfileAnnotation));
  }
}

/// Takes elements out of a list, the last one first: those before it keep their index.
void remove_all(JsonPatch& patch, std::string_view list, std::vector<std::size_t> indexes) {
  std::sort(indexes.begin(), indexes.end(), std::greater<>());
  for (const std::size_t index : indexes) patch.remove(at(list, index));
}

/// What is to go: all further ones of our names, and the first too where nothing is injected.
std::vector<std::size_t> left_over(std::initializer_list<const Named*> names, Delivery delivery) {
  std::vector<std::size_t> indexes;
  for (const Named* named : names) {
    indexes.insert(indexes.end(), named->others.begin(), named->others.end());
    if (named->first && delivery == Delivery::kPreinstalled) indexes.push_back(*named->first);
  }
  return indexes;
}

void set_volumes(JsonPatch& patch, const PodFacts& pod, const Sandbox& sandbox) {
  struct Volume {
    const Named& named;
    const std::string& text;
  };
  const Volume volumes[] = {{pod.profile_volume, sandbox.profile_volume.fragment.text},
                            {pod.host_volume, sandbox.host_volume.fragment.text}};
  const Delivery delivery = sandbox.policy.delivery;
  std::string list;
  for (const auto& [named, text] : volumes) {
    if (delivery == Delivery::kPreinstalled || named.first_is_ours) continue;
    if (named.first) {
      patch.replace(at(kVolumes, *named.first), text);
    } else if (!pod.has_volumes) {
      list.append(list.empty() ? "[" : ",").append(text);
    }
  }
  // Before anything is appended: what is removed stands before it.
  remove_all(patch, kVolumes, left_over({&pod.profile_volume, &pod.host_volume}, delivery));
  if (delivery == Delivery::kPreinstalled) return;
  if (!list.empty()) return patch.add(kVolumes, list + ']');
  for (const auto& [named, text] : volumes) {
    if (!named.first) patch.add("/spec/volumes/-", text);
  }
}

void edit_installer(JsonPatch& patch, const PodFacts& pod) {
  const std::string installer = at(kInitContainers, *pod.installer.first);
  for (const Edit& edit : pod.installer_edits) {
    switch (edit.operation) {
      case Edit::Operation::kAdd: patch.add(installer + edit.place, *edit.text); break;
      case Edit::Operation::kReplace: patch.replace(installer + edit.place, *edit.text); break;
      case Edit::Operation::kRemove: patch.remove(installer + edit.place); break;
    }
  }
  if (*pod.installer.first > 0) patch.move(installer, "/spec/initContainers/0");
}

void set_installer(JsonPatch& patch, const PodFacts& pod, const Sandbox& sandbox) {
  const Delivery delivery = sandbox.policy.delivery;
  remove_all(patch, kInitContainers, left_over({&pod.installer}, delivery));
  if (delivery == Delivery::kPreinstalled) return;
  if (pod.installer.first) return edit_installer(patch, pod);
  if (pod.has_init_containers) {
    patch.add("/spec/initContainers/0", sandbox.installer.whole.text);
  } else {
    patch.add(kInitContainers, '[' + sandbox.installer.whole.text + ']');
  }
}

std::string context_pointer(const PodFacts& pod) {
  return at("/spec/containers", pod.target.value()) + "/securityContext";
}

/// Brings what the context has up to date, beside members that are kept.
void edit_context(JsonPatch& patch, const PodFacts& pod, const Context& want) {
  const std::string pointer = context_pointer(pod) + '/';
  const TargetContext& context = pod.context;
  const bool is_ours = context.kind == ContextKind::kOurs;
  if (context.is_privileged) patch.remove(pointer + "privileged");
  for (const auto& [name, text] : want.members) {
    const bool is_stale = name == "seccompProfile"    ? !context.has_current_profile
                          : name == "appArmorProfile" ? context.app_armor == AppArmorEdit::kSet
                                                      : false;
    if (!is_ours || is_stale) patch.add(pointer + name, text);
  }
  if (context.app_armor == AppArmorEdit::kRemove) patch.remove(pointer + "appArmorProfile");
}

void set_context(JsonPatch& patch, const PodFacts& pod, const Sandbox& sandbox) {
  if (pod.context.is_current()) return;
  const Context& want = pod.has_legacy_app_armor ? sandbox.context_no_apparmor : sandbox.context;
  if (pod.context.keeps_members) {
    edit_context(patch, pod, want);
  } else {
    patch.add(context_pointer(pod), want.whole.text);
  }
}

}  // namespace

JsonPatch to_sandbox_patch(const PodFacts& pod, const Sandbox& sandbox) {
  JsonPatch patch;
  if (pod.host_users != false) patch.add("/spec/hostUsers", "false");
  set_annotations(patch, pod, sandbox);
  set_volumes(patch, pod, sandbox);
  set_installer(patch, pod, sandbox);
  set_context(patch, pod, sandbox);
  return patch;
}

JsonPatch to_privileged_patch(const PodFacts& pod) {
  JsonPatch patch;
  if (!pod.context.is_privileged) patch.add(context_pointer(pod), R"({"privileged":true})");
  return patch;
}

}  // namespace webhook
