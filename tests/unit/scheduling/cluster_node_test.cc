#include "scheduling/cluster_node.h"

#include <string_view>

#include <doctest/doctest.h>

#include "base/json_reader.h"

namespace webhook {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("what is kept of a Node is what its scheduling and the rules need") {
  JsonParser parser;
  JsonDocument document(parser, R"({
      "kind": "Node",
      "metadata": {"name": "a", "annotations": {"x": "y"},
                   "labels": {"kubernetes.io/hostname": "a", "b": ""}},
      "spec": {"unschedulable": true, "podCIDR": "10.0.0.0/24", "taints": [
          {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule",
           "timeAdded": "2026-12-01T00:00:00Z"},
          {"key": "soft", "effect": "PreferNoSchedule"},
          {"key": "k", "value": "v", "effect": "NoExecute"}]},
      "status": {
          "nodeInfo": {"kernelVersion": "6.8.0-45-generic", "kubeletVersion": "v1.34.1",
                       "osImage": "Ubuntu 24.04.1 LTS",
                       "containerRuntimeVersion": "containerd://2.1.4", "architecture": "amd64"},
          "runtimeHandlers": [
              {"name": "", "features": {"userNamespaces": true}},
              {"name": "kata", "features": {"userNamespaces": false}}, {"name": "old"}],
          "images": [{"names": ["busybox"]}]}})");
  const JsonValue root = document.root();
  const ClusterNode node = read_cluster_node(root);
  CHECK_FALSE(document.error());
  CHECK(node.name == "a");
  CHECK(node.labels == Labels{{"b", ""}, {"kubernetes.io/hostname", "a"}});
  using enum Taint::Effect;
  CHECK(node.taints == std::vector<Taint>{{"node.kubernetes.io/unschedulable", "", kNoSchedule},
                                          {"k", "v", kNoExecute}});
  CHECK(node.kernel_version == "6.8.0-45-generic");
  CHECK(node.kubelet_version == "v1.34.1");
  CHECK(node.os_image == "Ubuntu 24.04.1 LTS");
  CHECK(node.runtime_version == "containerd://2.1.4");
  CHECK(node.runtime_handlers ==
        std::vector<NodeRuntimeHandler>{{"", true}, {"kata", false}, {"old", std::nullopt}});
}

TEST_CASE("a Node that says nothing but its name is read") {
  JsonParser parser;
  JsonDocument document(parser, R"({"metadata": {"name": "a", "labels": null}, "spec": {}})");
  const JsonValue root = document.root();
  ClusterNode only_named;
  only_named.name = "a";
  CHECK(read_cluster_node(root) == only_named);
  CHECK_FALSE(document.error());
}

TEST_CASE("what is wrong with a Node or a RuntimeClass is said with its place") {
  const auto error_of = [](const char* body, auto read) {
    JsonParser parser;
    JsonDocument document(parser, body);
    const JsonValue root = document.root();
    (void)read(root);
    return document.error() ? document.error()->message : "";
  };
  CHECK(error_of("{}", read_cluster_node) ==
        "metadata.name: is missing (expected the name of a Node)");
  CHECK(error_of(R"({"metadata": {"name": "a", "labels": {"b": 1}}})", read_cluster_node) ==
        "metadata.labels.b: is a number (expected a string)");
  CHECK(error_of(R"({"metadata": {"name": "a"}, "spec": {"taints": [{"effect": []}]}})",
                 read_cluster_node) == "spec.taints[0].effect: is a list (expected a string)");
  CHECK(error_of(R"({"metadata": {}})", read_runtime_class) ==
        "metadata.name: is missing (expected the name of a RuntimeClass)");
}

TEST_CASE("of a RuntimeClass the name and the handler are kept") {
  JsonParser parser;
  JsonDocument document(parser, R"({"metadata": {"name": "gvisor"}, "handler": "runsc",
      "scheduling": {"nodeSelector": {"sandbox": "gvisor"}}})");
  const JsonValue root = document.root();
  CHECK(read_runtime_class(root) == RuntimeClass{"gvisor", "runsc"});
  CHECK_FALSE(document.error());
}

}  // namespace
}  // namespace webhook
