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
    CHECK(operation.at("op") == "add");
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
        Json::array({sandbox.profile_volume.value, sandbox.host_volume.value}));
  CHECK(value_at(patch, "/spec/initContainers") == Json::array({sandbox.installer.value}));

  PodFacts with_metadata = bare_pod();
  with_metadata.has_metadata = true;
  CHECK(value_at(to_sandbox_patch(with_metadata, sandbox), "/metadata/annotations") == annotations);
}

TEST_CASE("the context goes to the target, wherever it stands") {
  const Sandbox sandbox = sandbox_by(Delivery::kConfigMap);
  PodFacts pod = full_pod();
  pod.target = 11;
  const std::string path = "/spec/containers/11/securityContext";
  CHECK(value_at(to_sandbox_patch(pod, sandbox), path) == sandbox.context.value);
  pod.has_legacy_app_armor = true;
  CHECK(value_at(to_sandbox_patch(pod, sandbox), path) == sandbox.context_no_apparmor.value);
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
           Row{[](PodFacts& pod) { pod.has_profile_annotation = true; },
               "/metadata/annotations/code-executor-webhook~1nsjail-seccomp.json", 0},
           Row{[](PodFacts& pod) { pod.profile_volume = Presence::kOurs; }, "/spec/volumes/-", 1},
           Row{[](PodFacts& pod) { pod.host_volume = Presence::kOurs; }, "/spec/volumes/-", 1},
           Row{[](PodFacts& pod) { pod.installer = Presence::kOurs; }, "/spec/initContainers/0", 0},
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
  pod.target_context = TargetContext::kChartDefault;
  CHECK(to_privileged_patch(pod).empty());
}

}  // namespace
}  // namespace webhook
