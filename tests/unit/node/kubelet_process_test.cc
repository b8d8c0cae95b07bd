#include "node/kubelet_process.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "node/checks.h"
#include "support/temporary_directory.h"

namespace webhook {
namespace {

using namespace std::string_view_literals;

TEST_CASE("find_kubelet_root reads --root-dir of the process that is a kubelet") {
  struct Row {
    std::string_view command_line;
    std::string want;
  };
  for (const Row& row :
       std::vector<Row>{{"/usr/bin/kubelet\0--config\0/etc/kubelet.yaml\0"sv, "/var/lib/kubelet"},
                        {"kubelet\0--root-dir=/data/kubelet\0"sv, "/data/kubelet"},
                        {"kubelet\0--root-dir\0/data/./kubelet/\0--v=2\0"sv, "/data/kubelet"},
                        {"kubelet\0--root-dir=/a\0--root-dir=/b\0"sv, "/b"},
                        {"kubelet\0--root-dir\0"sv, "/var/lib/kubelet"},
                        {"kubelet\0--root-directory=/a\0"sv, "/var/lib/kubelet"},
                        {"grep\0kubelet\0--root-dir=/a\0"sv, ""},
                        {"/usr/bin/kubelet-wrapper\0"sv, ""},
                        {""sv, ""}}) {
    CAPTURE(row.want);
    const TemporaryDirectory root;
    (void)root.write("proc/self-made/cmdline", "kubelet");
    (void)root.write("proc/1/cmdline", std::string("init\0", 5));
    (void)root.write("proc/42/cmdline", std::string(row.command_line));
    CHECK(find_kubelet_root(root.path() / "proc") == row.want);
  }
  CHECK(find_kubelet_root("/no/such/directory").empty());
}

TEST_CASE("find_kubelet_root leaves out kubelets in containers: theirs is another node") {
  const TemporaryDirectory root;
  (void)root.write("proc/42/cmdline", std::string("kubelet\0", 8));
  const auto link = [&](const char* process, const char* to) {
    const std::filesystem::path directory = root.path() / "proc" / process / "ns";
    std::filesystem::create_directories(directory);
    std::filesystem::create_symlink(to, directory / "pid");
  };
  link("1", "pid:[4026531836]");
  link("42", "pid:[4026532181]");
  CHECK(find_kubelet_root(root.path() / "proc").empty());
  std::filesystem::remove(root.path() / "proc/42/ns/pid");
  link("42", "pid:[4026531836]");
  CHECK(find_kubelet_root(root.path() / "proc") == "/var/lib/kubelet");
}

TEST_CASE("kubelet-root: pods install the profile where the kubelet looks") {
  struct Row {
    std::string root;
    CheckStatus want;
    std::string meaning;
  };
  for (const Row& row :
       std::vector<Row>{{"/var/lib/kubelet", CheckStatus::kPass,
                         "pods install the profile where this kubelet looks"},
                        {"/data/kubelet", CheckStatus::kFail,
                         "this kubelet looks for profiles in /data/kubelet/seccomp, not in "
                         "/var/lib/kubelet/seccomp: set sandbox.seccomp.kubeletSeccompDir"}}) {
    NodeFacts facts;
    facts.kubelet_dir = "/var/lib/kubelet/seccomp";
    facts.kubelet_root = row.root;
    const NodeCheck check = check_node(facts).back();
    CHECK(check.id == "kubelet-root");
    CHECK(check.status == row.want);
    CHECK(check.found == row.root);
    CHECK(check.meaning == row.meaning);
  }
  CHECK(check_node(NodeFacts{}).back().id != "kubelet-root");
}

}  // namespace
}  // namespace webhook
