#include "admission/node_mounts.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

/// What a container gets of `volume` by `mount`; nothing of a volume that is of the pod.
MountedView view_of(const Json& volume, const Json& mount) {
  const std::string text = Json{{"volume", volume}, {"mount", mount}}.dump();
  JsonParser parser;
  JsonDocument document(parser, text);
  const JsonValue root = document.root();
  const auto outside = to_outside_volume(root.field("volume"));
  const MountedView view =
      outside ? to_mounted_view(*outside, root.field("mount"), "/var/lib/kubelet/seccomp")
              : MountedView{};
  REQUIRE_FALSE(document.error());
  return view;
}

Json host_path(const char* path) { return {{"name", "v"}, {"hostPath", {{"path", path}}}}; }

TEST_CASE("a path in a file system of the kernel's is known however it is written") {
  struct Row {
    const char* path;
    bool want;
  };
  for (const Row& row : {
           Row{"/dev", true},
           Row{"/dev/", true},
           Row{"/dev/fuse", true},
           Row{"/proc", true},
           Row{"/proc/sys/net", true},
           Row{"/sys", true},
           Row{"/sys/fs/cgroup", true},
           Row{"//dev//fuse", true},
           Row{"/./dev/./kvm", true},
           Row{"/var/../dev", true},
           Row{"/../../dev", true},
           Row{"/dev/shm/../fuse", true},
           Row{"/dev/shmem", true},
           Row{"/dev/shm", false},
           Row{"/dev/shm/", false},
           Row{"/dev/./shm/cache", false},
           Row{"/dev/../var", false},
           Row{"/device", false},
           Row{"/devices/x", false},
           Row{"/system", false},
           Row{"/procfs", false},
           Row{"/var/dev", false},
           Row{"/", false},
           Row{"", false},
       }) {
    CAPTURE(row.path);
    CHECK(view_of(host_path(row.path), Json::object()).is_unmappable == row.want);
  }
}

TEST_CASE("nfs cannot be id-mapped, what is of the pod or unknown may be") {
  struct Row {
    Json volume;
    bool want;
  };
  for (const Row& row : {
           Row{{{"hostPath", {{"path", "/dev/fuse"}, {"type", "CharDevice"}}}}, true},
           Row{{{"nfs", {{"server", "x"}, {"path", "/"}}}}, true},
           Row{{{"nfs", nullptr}, {"emptyDir", Json::object()}}, false},
           Row{{{"persistentVolumeClaim", {{"claimName", "nfs"}}}}, false},
           Row{host_path(("/dev" + std::string(4096, '/')).c_str()), false},  // no kernel takes it
       }) {
    CHECK(view_of(row.volume, Json::object()).is_unmappable == row.want);
  }
}

TEST_CASE("what is mounted is the volume's subPath") {
  struct Row {
    const char* path;
    Json mount;
    bool want;
  };
  for (const Row& row : {
           Row{"/", {{"subPath", "dev/fuse"}}, true},
           Row{"/", {{"subPath", "sys"}}, true},
           Row{"/", {{"subPath", "var/dev"}}, false},
           Row{"/", {{"subPath", nullptr}}, false},
           Row{"/dev", {{"subPath", "fuse"}}, true},
           Row{"/dev", {{"subPath", "shm"}}, false},
           Row{"/dev", {{"subPath", "shm/cache"}}, false},
           Row{"/dev", {{"subPath", "shmem"}}, true},
           Row{"/", {{"subPathExpr", "proc"}}, true},
           Row{"/", {{"subPathExpr", "dev/$(NAME)"}}, true},
           Row{"/", {{"subPathExpr", "dev/x$(NAME)/y"}}, true},
           Row{"/", {{"subPathExpr", "$(NAME)"}}, false},
           Row{"/", {{"subPathExpr", "dev$(NAME)"}}, false},
           Row{"/dev", {{"subPathExpr", "shm/$(NAME)"}}, false},
           Row{"/dev", {{"subPathExpr", "$(NAME)"}}, true},
       }) {
    CAPTURE(row.path);
    CAPTURE(row.mount);
    CHECK(view_of(host_path(row.path), row.mount).is_unmappable == row.want);
  }
}

TEST_CASE("a mount shows the kubelet's directory, or what may be written to its profiles") {
  struct Row {
    const char* path;
    Json mount;
    bool has_root;
    bool can_write;
  };
  const Json writable = Json::object();
  const Json read_only = {{"readOnly", true}};
  for (const Row& row : {
           Row{"/", writable, true, true},
           Row{"/", read_only, true, false},
           Row{"/var/lib", writable, true, true},
           Row{"/var/lib/kubelet", writable, true, true},
           Row{"/var//lib/x/../kubelet/", read_only, true, false},
           Row{"/", {{"subPath", "var"}}, true, true},
           Row{"/", {{"subPath", "opt"}}, false, false},
           Row{"/var/lib/kubelet", {{"subPath", "seccomp"}}, false, true},
           Row{"/var/lib/kubelet/seccomp", writable, false, true},
           Row{"/var/lib/kubelet/seccomp", read_only, false, false},
           Row{"/var/lib/kubelet/seccomp/profiles", {{"readOnly", false}}, false, true},
           Row{"/var/lib/kubelet/seccomp2", writable, false, false},
           Row{"/var/lib/kubelet/pods", writable, false, false},
           Row{"/var/lib/kubelet2", writable, false, false},
           Row{"/var/log", writable, false, false},
       }) {
    CAPTURE(row.path);
    CAPTURE(row.mount);
    const MountedView view = view_of(host_path(row.path), row.mount);
    CHECK(view.has_kubelet_root == row.has_root);
    CHECK(view.can_write_profiles == row.can_write);
  }
}

PodFacts facts_of(const Json& pod) {
  return parse_review(to_review(pod).dump(), small_sandbox()).value().pod;
}

TEST_CASE("what no sandbox holds is known: a privileged sidecar, a view of the kubelet") {
  const Json privileged = {{"privileged", true}};
  const Json node = {{"name", "node"}, {"hostPath", {{"path", "/"}}}};
  const Json profiles = {{"name", "node"}, {"hostPath", {{"path", "/var/lib/kubelet/seccomp"}}}};
  const Json mounts = Json::array({{{"name", "node"}, {"mountPath", "/x"}}});
  const auto with = [](const char* list, const Json& container, const Json& volume) {
    Json pod = plain_pod();
    pod["spec"]["volumes"] = Json::array({volume});
    pod["spec"][list].push_back(container);
    return facts_of(pod);
  };
  const auto of_target = [&](const Json& volume) {
    Json pod = plain_pod();
    pod["spec"]["volumes"] = Json::array({volume});
    pod["spec"]["containers"][0]["volumeMounts"] = mounts;
    return facts_of(pod);
  };
  CHECK(of_target(node).target_has_kubelet_root);
  CHECK_FALSE(of_target(node).can_write_profiles);
  CHECK_FALSE(of_target(profiles).target_has_kubelet_root);
  CHECK(of_target(profiles).can_write_profiles);

  const Json sidecar = {{"name", "s"}, {"securityContext", privileged}, {"volumeMounts", mounts}};
  Json stays = sidecar;
  stays["restartPolicy"] = "Always";
  for (const Json& volume : {node, profiles}) {
    CHECK_FALSE(with("containers", sidecar, volume).target_has_kubelet_root);
    CHECK(with("containers", sidecar, volume).can_write_profiles);
  }
  CHECK(with("containers", sidecar, node).has_privileged_sidecar);
  CHECK(with("initContainers", stays, node).has_privileged_sidecar);
  CHECK_FALSE(with("initContainers", sidecar, node).has_privileged_sidecar);  // it ends before
  Json target = plain_pod();
  target["spec"]["containers"][0]["securityContext"] = privileged;
  CHECK_FALSE(facts_of(target).has_privileged_sidecar);
}

}  // namespace
}  // namespace webhook
