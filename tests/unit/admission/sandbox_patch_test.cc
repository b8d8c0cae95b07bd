#include "admission/sandbox_patch.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

Sandbox sandbox_by(Delivery delivery) {
  Policy policy = small_policy();
  policy.delivery = delivery;
  return make_sandbox(policy);
}

/// Facts of a pod that has none of the parents.
PodFacts bare_pod() {
  PodFacts pod;
  pod.target = 0;
  return pod;
}

PodFacts full_pod() {
  PodFacts pod = bare_pod();
  pod.has_metadata = pod.has_annotations = pod.has_volumes = pod.has_init_containers = true;
  return pod;
}

std::vector<std::string> paths_of(const JsonPatch& patch) {
  std::vector<std::string> paths;
  for (const Json& operation : to_operations(patch)) {
    paths.push_back(operation.at("path"));
  }
  return paths;
}

Json value_at(const JsonPatch& patch, const std::string& path) {
  for (const Json& operation : to_operations(patch)) {
    if (operation.at("path") == path) return operation.at("value");
  }
  FAIL("no operation for ", path);
  return nullptr;
}

using Paths = std::vector<std::string>;

/// "op path", and for a move where from.
std::vector<std::string> steps_of(const JsonPatch& patch) {
  std::vector<std::string> steps;
  for (const Json& operation : to_operations(patch)) {
    std::string step =
        operation.at("op").get<std::string>() + ' ' + operation.at("path").get<std::string>();
    if (operation.contains("from")) step += " from " + operation.at("from").get<std::string>();
    steps.push_back(step);
  }
  return steps;
}

void set_ours(PodFacts& pod) {
  pod.host_users = false;
  pod.has_checksum = true;
  pod.context = {.kind = ContextKind::kOurs, .has_current_profile = true};
  for (Named* named : {&pod.profile_volume, &pod.host_volume, &pod.installer}) {
    named->first = 0;
    named->first_is_ours = true;
  }
  pod.host_volume.first = 1;
}

TEST_CASE("parents that are there are added to, in the order of the README's table") {
  CHECK(paths_of(to_sandbox_patch(full_pod(), sandbox_by(Delivery::kConfigMap))) ==
        Paths{"/spec/hostUsers", "/metadata/annotations/checksum~1seccomp", "/spec/volumes/-",
              "/spec/volumes/-", "/spec/initContainers/0", "/spec/containers/0/securityContext"});
  CHECK(paths_of(to_sandbox_patch(full_pod(), sandbox_by(Delivery::kAnnotation))) ==
        Paths{"/spec/hostUsers", "/metadata/annotations/checksum~1seccomp",
              "/metadata/annotations/code-executor-webhook~1nsjail-seccomp.json", "/spec/volumes/-",
              "/spec/volumes/-", "/spec/initContainers/0", "/spec/containers/0/securityContext"});
}

TEST_CASE("parents that are absent are made with what goes into them") {
  const Sandbox sandbox = sandbox_by(Delivery::kAnnotation);
  const JsonPatch patch = to_sandbox_patch(bare_pod(), sandbox);
  CHECK(paths_of(patch) == Paths{"/spec/hostUsers", "/metadata", "/spec/volumes",
                                 "/spec/initContainers", "/spec/containers/0/securityContext"});
  const Json annotations = {{"checksum/seccomp", sandbox.checksum.value},
                            {std::string(kProfileAnnotation), sandbox.profile_annotation.value}};
  CHECK(value_at(patch, "/metadata") == Json{{"annotations", annotations}});
  CHECK(value_at(patch, "/spec/volumes") ==
        Json::array({sandbox.profile_volume.fragment.value, sandbox.host_volume.fragment.value}));
  CHECK(value_at(patch, "/spec/initContainers") == Json::array({sandbox.installer.whole.value}));

  PodFacts with_metadata = bare_pod();
  with_metadata.has_metadata = true;
  CHECK(value_at(to_sandbox_patch(with_metadata, sandbox), "/metadata/annotations") == annotations);
}

TEST_CASE("the context goes to the target, wherever it stands") {
  const Sandbox sandbox = sandbox_by(Delivery::kConfigMap);
  PodFacts pod = full_pod();
  pod.target = 11;
  const std::string path = "/spec/containers/11/securityContext";
  CHECK(value_at(to_sandbox_patch(pod, sandbox), path) == sandbox.context.whole.value);
  pod.has_legacy_app_armor = true;
  CHECK(value_at(to_sandbox_patch(pod, sandbox), path) == sandbox.context_no_apparmor.whole.value);
  CHECK(to_operations(to_privileged_patch(pod)) ==
        Json::array({{{"op", "add"}, {"path", path}, {"value", {{"privileged", true}}}}}));
}

TEST_CASE("what the pod already has is left out") {
  struct Row {
    void (*have)(PodFacts&);
    const char* path;
    std::size_t left;  ///< Operations on that path.
  };
  for (const Row& row : {
           Row{[](PodFacts& pod) { pod.host_users = false; }, "/spec/hostUsers", 0},
           Row{[](PodFacts& pod) { pod.has_checksum = true; },
               "/metadata/annotations/checksum~1seccomp", 0},
           Row{[](PodFacts& pod) { pod.profile_annotation = Presence::kOurs; },
               "/metadata/annotations/code-executor-webhook~1nsjail-seccomp.json", 0},
           Row{[](PodFacts& pod) {
                 pod.profile_volume.first = 0;
                 pod.profile_volume.first_is_ours = true;
               },
               "/spec/volumes/-", 1},
           Row{[](PodFacts& pod) {
                 pod.host_volume.first = 0;
                 pod.host_volume.first_is_ours = true;
               },
               "/spec/volumes/-", 1},
           Row{[](PodFacts& pod) { pod.installer.first = 0; }, "/spec/initContainers/0", 0},
       }) {
    CAPTURE(row.path);
    PodFacts pod = full_pod();
    row.have(pod);
    const Paths paths = paths_of(to_sandbox_patch(pod, sandbox_by(Delivery::kAnnotation)));
    CHECK(paths.size() == 6);
    CHECK(static_cast<std::size_t>(std::count(paths.begin(), paths.end(), row.path)) == row.left);
  }
}

TEST_CASE("a target that is privileged already needs no patch for it") {
  PodFacts pod = full_pod();
  pod.context = {.kind = ContextKind::kChartDefault, .is_privileged = true, .keeps_members = true};
  CHECK(to_privileged_patch(pod).empty());
}

TEST_CASE("what is ours is brought up to date by few operations") {
  struct Row {
    void (*change)(PodFacts&);
    Paths want;
  };
  for (const Row& row : {
           Row{[](PodFacts&) {}, {}},
           Row{[](PodFacts& pod) { pod.host_volume.first_is_ours = false; },
               {"replace /spec/volumes/1"}},
           Row{[](PodFacts& pod) {
                 pod.profile_volume.others = {2, 5};
                 pod.host_volume.others = {3, 4};
               },
               {"remove /spec/volumes/5", "remove /spec/volumes/4", "remove /spec/volumes/3",
                "remove /spec/volumes/2"}},
           Row{[](PodFacts& pod) {
                 pod.profile_volume = {};
                 pod.host_volume.others = {3};
               },
               {"remove /spec/volumes/3", "add /spec/volumes/-"}},
           Row{[](PodFacts& pod) {
                 pod.installer.first = 2;
                 pod.installer.others = {3};
                 pod.installer_edits = {{Edit::Operation::kRemove, "/env", nullptr}};
               },
               {"remove /spec/initContainers/3", "remove /spec/initContainers/2/env",
                "move /spec/initContainers/0 from /spec/initContainers/2"}},
           Row{[](PodFacts& pod) { pod.profile_annotation = Presence::kForeign; },
               {"remove /metadata/annotations/code-executor-webhook~1nsjail-seccomp.json"}},
           Row{[](PodFacts& pod) { pod.context.has_current_profile = false; },
               {"add /spec/containers/0/securityContext"}},
           Row{[](PodFacts& pod) {
                 pod.context.has_current_profile = false;
                 pod.context.keeps_members = true;
               },
               {"add /spec/containers/0/securityContext/seccompProfile"}},
           Row{[](PodFacts& pod) {
                 pod.context.app_armor = AppArmorEdit::kSet;
                 pod.context.keeps_members = true;
               },
               {"add /spec/containers/0/securityContext/appArmorProfile"}},
           Row{[](PodFacts& pod) {
                 pod.context.app_armor = AppArmorEdit::kRemove;
                 pod.context.keeps_members = true;
                 pod.has_legacy_app_armor = true;
               },
               {"remove /spec/containers/0/securityContext/appArmorProfile"}},
       }) {
    PodFacts pod = full_pod();
    set_ours(pod);
    row.change(pod);
    const JsonPatch patch = to_sandbox_patch(pod, sandbox_by(Delivery::kConfigMap));
    CHECK(steps_of(patch) == row.want);
    CHECK(patch.empty() == is_up_to_date(pod, Delivery::kConfigMap));
  }
}

TEST_CASE("members that are kept stay where they are: the others are set beside them") {
  PodFacts pod = full_pod();
  set_ours(pod);
  pod.context = {.kind = ContextKind::kChartDefault, .is_privileged = true, .keeps_members = true};
  const std::string context = " /spec/containers/0/securityContext/";
  CHECK(steps_of(to_sandbox_patch(pod, sandbox_by(Delivery::kConfigMap))) ==
        Paths{"remove" + context + "privileged", "add" + context + "allowPrivilegeEscalation",
              "add" + context + "appArmorProfile", "add" + context + "capabilities",
              "add" + context + "procMount", "add" + context + "seccompProfile"});
}

TEST_CASE("a profile that is on the nodes already needs no init container and no volumes") {
  const Sandbox sandbox = sandbox_by(Delivery::kPreinstalled);
  CHECK(steps_of(to_sandbox_patch(bare_pod(), sandbox)) ==
        Paths{"add /spec/hostUsers", "add /metadata", "add /spec/containers/0/securityContext"});
  PodFacts pod = full_pod();
  set_ours(pod);
  pod.profile_volume.others = {4};
  CHECK(steps_of(to_sandbox_patch(pod, sandbox)) ==
        Paths{"remove /spec/volumes/4", "remove /spec/volumes/1", "remove /spec/volumes/0",
              "remove /spec/initContainers/0"});
}

}  // namespace
}  // namespace webhook
