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

std::string at(std::string_view list, std::size_t index) {
  return std::string(list) + '/' + std::to_string(index);
}

std::string annotation(std::string_view key) {
  return "/metadata/annotations/" + escape_pointer_token(key);
}

/// Adds `annotations`, an object in parts, to a pod that has none.
template <class... Parts>
void add_first_annotations(JsonPatch& patch, const PodFacts& pod, const Parts&... annotations) {
  if (pod.has_metadata) {
    patch.add("/metadata/annotations", annotations...);
  } else {
    patch.add("/metadata", "{\"annotations\":", annotations..., "}");
  }
}

/// What the placement does to its annotation, which is text of nodes, not of the pod.
std::string to_mark(const Placement& placement) {
  std::string text;
  if (placement.changes_mark && placement.mark) append_json_string(text, *placement.mark);
  return text;
}

/// "{"checksum/seccomp":", and what comes before the value of the other one.
std::string before(std::string_view separator, std::string_view key) {
  return std::string(separator) + '"' + std::string(key) + "\":";
}

void set_annotations(JsonPatch& patch, const PodFacts& pod, const Sandbox& sandbox) {
  const bool by_annotation = sandbox.policy.delivery == Delivery::kAnnotation;
  const bool needs_profile = by_annotation && pod.profile_annotation != Presence::kOurs;
  const std::string mark = to_mark(pod.placement);
  const std::string rest = mark.empty() ? "}" : before(",", kAffinityAnnotation) + mark + '}';
  const bool needs_map = !pod.has_annotations && !pod.has_checksum;
  if (needs_map && needs_profile) {
    add_first_annotations(patch, pod, before("{", kChecksumAnnotation), sandbox.checksum,
                          before(",", kProfileAnnotation), sandbox.profile_annotation, rest);
  } else if (needs_map) {
    add_first_annotations(patch, pod, before("{", kChecksumAnnotation), sandbox.checksum, rest);
  } else {
    if (!pod.has_checksum) patch.add(annotation(kChecksumAnnotation), sandbox.checksum);
    if (needs_profile) patch.add(annotation(kProfileAnnotation), sandbox.profile_annotation);
    if (!mark.empty()) patch.add(annotation(kAffinityAnnotation), mark);
    if (pod.placement.changes_mark && !pod.placement.mark) {
      patch.remove(annotation(kAffinityAnnotation));
    }
  }
  if (!by_annotation && pod.profile_annotation != Presence::kAbsent) {
    patch.remove(annotation(kProfileAnnotation));
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
    const Fragment& fragment;
  };
  const Volume profile{pod.profile_volume, sandbox.profile_volume.fragment};
  const Volume host{pod.host_volume, sandbox.host_volume.fragment};
  const Delivery delivery = sandbox.policy.delivery;
  if (delivery != Delivery::kPreinstalled) {
    for (const auto& [named, fragment] : {profile, host}) {
      if (named.first && !named.first_is_ours) {
        patch.replace(at(kVolumes, *named.first), fragment.text);
      }
    }
  }
  // Before anything is appended: what is removed stands before it.
  remove_all(patch, kVolumes, left_over({&pod.profile_volume, &pod.host_volume}, delivery));
  if (delivery == Delivery::kPreinstalled) return;
  if (!pod.has_volumes && !profile.named.first && !host.named.first) {
    return patch.add(kVolumes, "[", profile.fragment, ",", host.fragment, "]");
  }
  for (const auto& [named, fragment] : {profile, host}) {
    if (!named.first) patch.add("/spec/volumes/-", fragment);
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
    patch.add("/spec/initContainers/0", sandbox.installer.whole);
  } else {
    patch.add(kInitContainers, "[", sandbox.installer.whole, "]");
  }
}

void set_affinity(JsonPatch& patch, const PodFacts& pod) {
  for (const AffinityEdit& edit : pod.placement.edits) {
    switch (edit.operation) {
      case AffinityEdit::Operation::kAdd: patch.add(edit.pointer, edit.value); break;
      case AffinityEdit::Operation::kReplace: patch.replace(edit.pointer, edit.value); break;
      case AffinityEdit::Operation::kRemove: patch.remove(edit.pointer); break;
    }
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
    patch.add(context_pointer(pod), want.whole);
  }
}

}  // namespace

JsonPatch to_sandbox_patch(const PodFacts& pod, const Sandbox& sandbox) {
  JsonPatch patch;
  if (pod.host_users != false) patch.add("/spec/hostUsers", "false");
  set_annotations(patch, pod, sandbox);
  set_affinity(patch, pod);
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
