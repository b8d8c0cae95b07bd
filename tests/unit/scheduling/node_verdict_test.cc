#include "scheduling/node_verdict.h"

#include <doctest/doctest.h>

namespace webhook {
namespace {

ClusterNode node_of(std::string kernel, std::string kubelet = "v1.34.1") {
  ClusterNode node;
  node.name = "a";
  node.kernel_version = std::move(kernel);
  node.kubelet_version = std::move(kubelet);
  node.runtime_version = "containerd://1.7.27";
  node.runtime_handlers = {{"", true}};
  return node;
}

ClusterNode with_handlers(std::vector<NodeRuntimeHandler> handlers) {
  ClusterNode node = node_of("6.8.0");
  node.runtime_handlers = std::move(handlers);
  return node;
}

/// Of a runtime that tells nothing of its handlers.
ClusterNode of_runtime(std::string version) {
  ClusterNode node = with_handlers({});
  node.runtime_version = std::move(version);
  return node;
}

ClusterNode with_label(const std::string& value, ClusterNode node) {
  node.labels = {{"a", "b"}, {std::string(kSandboxLabel), value}};
  return node;
}

TEST_CASE("a kernel's version is read as far as features follow it") {
  CHECK(parse_kernel_version("6.8.0-45-generic") == KernelVersion{6, 8});
  CHECK(parse_kernel_version("6.1.141+") == KernelVersion{6, 1});
  CHECK(parse_kernel_version("5.14.0-427.13.1.el9_4.x86_64") == KernelVersion{5, 14});
  CHECK(parse_kernel_version("7.0") == KernelVersion{7, 0});
  for (const char* odd : {"", "6", "6.", ".8", "linux", "-6.8", "6.-8", "99999999999.1"}) {
    CAPTURE(odd);
    CHECK_FALSE(parse_kernel_version(odd));
  }
  CHECK(to_string(kOldestKernel) == "6.3");
}

TEST_CASE("a node is known bad for what it says, and never for what it does not") {
  struct Row {
    ClusterNode node;
    NodeState state;
    const char* why;
  };
  for (const Row& row : {
           Row{node_of("6.8.0-45-generic"), NodeState::kGood, ""},
           Row{node_of("6.3.0"), NodeState::kGood, ""},
           Row{node_of("6.2.16-generic"), NodeState::kBad,
               "kernel 6.2.16-generic is older than 6.3"},
           Row{node_of("6.1.141+"), NodeState::kBad, "kernel 6.1.141+ is older than 6.3"},
           // RHEL, CentOS Stream, Rocky, Alma and Oracle, OpenShift.
           Row{node_of("5.14.0-427.13.1.el9_4.x86_64"), NodeState::kUnknown, ""},
           Row{node_of("5.14.0-570.el9.aarch64"), NodeState::kUnknown, ""},
           Row{node_of("5.15.0-300.163.18.el9uek.x86_64"), NodeState::kUnknown, ""},
           Row{node_of("6.12.0-55.el10_0.x86_64"), NodeState::kGood, ""},
           Row{node_of("4.18.0-553.el8_10.x86_64"), NodeState::kBad,
               "kernel 4.18.0-553.el8_10.x86_64 is older than 6.3"},
           Row{node_of(""), NodeState::kUnknown, ""},
           Row{node_of("custom"), NodeState::kUnknown, ""},
           Row{node_of("6.8.0", "v1.32.9-eks-1a2b3c"), NodeState::kBad,
               "kubelet v1.32.9-eks-1a2b3c is older than 1.33"},
           Row{node_of("6.8.0", "v1.33.0-rc.1"), NodeState::kGood, ""},
           Row{node_of("6.8.0", ""), NodeState::kUnknown, ""},
           Row{node_of("6.8.0", "unknown"), NodeState::kUnknown, ""},
           Row{of_runtime("containerd://1.7.27"), NodeState::kBad,
               "containerd://1.7.27 is older than containerd 2.0"},
           Row{of_runtime("containerd://1.6.8-k3s1"), NodeState::kBad,
               "containerd://1.6.8-k3s1 is older than containerd 2.0"},
           Row{of_runtime("cri-o://1.24.6"), NodeState::kBad,
               "cri-o://1.24.6 is older than CRI-O 1.25"},
           Row{of_runtime("containerd://2.0.0-rc.1"), NodeState::kUnknown, ""},
           Row{of_runtime("cri-o://1.30.4"), NodeState::kUnknown, ""},
           Row{of_runtime("docker://27.3.1"), NodeState::kUnknown, ""},
           Row{of_runtime("containerd://Unknown"), NodeState::kUnknown, ""},
           Row{of_runtime("containerd"), NodeState::kUnknown, ""},
           Row{of_runtime(""), NodeState::kUnknown, ""},
           Row{with_handlers({{"", std::nullopt}}), NodeState::kUnknown, ""},
           Row{with_handlers({{"runc", false}}), NodeState::kUnknown, ""},
           Row{with_handlers({{"runc", true}, {"", false}}), NodeState::kBad,
               "containerd://1.7.27 has no user namespaces"},
           Row{with_label("false", node_of("6.8.0")), NodeState::kBad,
               "code-executor-webhook/sandbox is \"false\""},
           Row{with_label("true", node_of("5.4.0", "v1.20.0")), NodeState::kGood, ""},
           Row{with_label("maybe", node_of("5.4.0")), NodeState::kBad,
               "kernel 5.4.0 is older than 6.3"},
       }) {
    CAPTURE(row.node.kernel_version);
    CAPTURE(row.node.kubelet_version);
    const NodeVerdict verdict = judge(row.node, "");
    CHECK(to_string(verdict.state) == to_string(row.state));
    CHECK(verdict.why == row.why);
  }
}

TEST_CASE("what a runtime says is of one handler") {
  const ClusterNode node = with_handlers({{"", true}, {"kata", false}, {"old", std::nullopt}});
  CHECK(judge(node, "").state == NodeState::kGood);
  CHECK(judge(node, "kata").state == NodeState::kBad);
  CHECK(judge(node, "old").state == NodeState::kUnknown);
  CHECK(judge(node, "absent").state == NodeState::kUnknown);
  CHECK(judge(node, std::nullopt).state == NodeState::kUnknown);
}

TEST_CASE("a runtime that has user namespaces says nothing of the kernel") {
  CHECK(judge(node_of("5.15.0"), "").state == NodeState::kBad);
}

TEST_CASE("an old runtime is bad for every handler, unless it tells of any") {
  const ClusterNode old = of_runtime("containerd://1.7.27");
  CHECK(judge(old, "kata").state == NodeState::kBad);
  CHECK(judge(old, std::nullopt).state == NodeState::kBad);
  CHECK(judge(with_label("true", old), "").state == NodeState::kGood);
  CHECK(judge(with_handlers({{"kata", true}}), "").state == NodeState::kUnknown);
}

TEST_CASE("a runtime without a version is bad all the same") {
  ClusterNode node = with_handlers({{"", false}});
  node.runtime_version.clear();
  CHECK(judge(node, "").why == "its runtime has no user namespaces");
}

}  // namespace
}  // namespace webhook
