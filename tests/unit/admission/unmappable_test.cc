#include "admission/unmappable.h"

#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

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
    CHECK(is_in_kernel_file_system(row.path) == row.want);
  }
}

TEST_CASE("hostPath of the kernel's file systems and nfs cannot be id-mapped, all else may be") {
  struct Row {
    Json volume;
    bool want;
  };
  for (const Row& row : {
           Row{{{"hostPath", {{"path", "/dev/fuse"}, {"type", "CharDevice"}}}}, true},
           Row{{{"hostPath", {{"path", "/var/log"}}}}, false},
           Row{{{"nfs", {{"server", "x"}, {"path", "/"}}}}, true},
           Row{{{"nfs", nullptr}, {"emptyDir", Json::object()}}, false},
           Row{{{"persistentVolumeClaim", {{"claimName", "nfs"}}}}, false},
       }) {
    CAPTURE(row.volume);
    const std::string text = row.volume.dump();
    JsonParser parser;
    JsonDocument document(parser, text);
    CHECK(is_unmappable(document.root()) == row.want);
    CHECK_FALSE(document.error());
  }
}

TEST_CASE("an id is unmapped from the size of the pod's user namespace on") {
  struct Row {
    Json context;
    bool want;
  };
  for (const Row& row : {
           Row{nullptr, false},
           Row{Json::object(), false},
           Row{{{"runAsUser", 65535}, {"runAsGroup", 0}, {"fsGroup", 2000}}, false},
           Row{{{"runAsUser", 65536}}, true},
           Row{{{"runAsGroup", 65536}}, true},
           Row{{{"fsGroup", 1000650000}}, true},
           Row{{{"supplementalGroups", {1, 70000}}}, true},
           Row{{{"supplementalGroups", {1, 2}}}, false},
           Row{{{"runAsUser", -1}}, true},
           Row{{{"runAsUser", nullptr}}, false},
       }) {
    CAPTURE(row.context);
    const std::string text = Json{{"securityContext", row.context}}.dump();
    JsonParser parser;
    JsonDocument document(parser, text);
    const JsonValue pod = document.root();
    CHECK(has_unmapped_id(pod.field("securityContext"), 65536) == row.want);
    CHECK_FALSE(document.error());
  }
  const std::string text = R"({"runAsUser":65536})";
  JsonParser parser;
  JsonDocument document(parser, text);
  CHECK_FALSE(has_unmapped_id(document.root(), 131072));
}

}  // namespace
}  // namespace webhook
