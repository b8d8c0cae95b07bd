#include "scheduling/node_inventory.h"

#include <doctest/doctest.h>

#include "base/json_reader.h"
#include "scheduling/candidates.h"
#include "scheduling/node_list.h"
#include "scheduling/text_pool.h"
#include "support/nodes.h"

namespace webhook {
namespace {

ClusterNode node_of(std::string name, std::string kernel = "6.8.0") {
  ClusterNode node;
  node.name = std::move(name);
  node.kernel_version = std::move(kernel);
  node.kubelet_version = "v1.34.1";
  node.runtime_handlers = {{"", true}};
  return node;
}

TEST_CASE("a text is kept for as long as somebody has it") {
  TextPool pool;
  const auto a = pool.take("a");
  CHECK(pool.take("a") == a);
  const auto b = pool.take("a text that is longer than what fits into a string itself");
  pool.drop(a);
  CHECK(pool.text(a) == "a");
  pool.drop(a);
  const auto c = pool.take("c");
  CHECK(c == a);  // its place is used again
  CHECK(pool.text(c) == "c");
  CHECK(pool.text(b).starts_with("a text that"));
  CHECK(pool.take("a") != c);
  CHECK(pool.limit() == 3);
}

TEST_CASE("an inventory counts its nodes, and says whether something has changed") {
  NodeInventory inventory;
  CHECK(inventory.counts() == NodeCounts{});
  CHECK(inventory.put(node_of("a")));
  CHECK(inventory.put(node_of("b", "5.15.0")));
  CHECK(inventory.put(node_of("c", "")));
  CHECK(inventory.counts() == NodeCounts{.good = 1, .bad = 1, .unknown = 1});
  CHECK_FALSE(inventory.put(node_of("a")));
  // Of the kernel only the verdict is kept.
  CHECK_FALSE(inventory.put(node_of("a", "6.9.0")));
  CHECK(inventory.put(node_of("b", "5.16.0")));  // why it is bad
  CHECK(inventory.put(node_of("b", "6.8.0")));
  CHECK(inventory.counts() == NodeCounts{.good = 2, .unknown = 1});
  ClusterNode tainted = node_of("a");
  tainted.taints = {{"k", "v", Taint::Effect::kNoSchedule}};
  CHECK(inventory.put(tainted));
  CHECK_FALSE(inventory.put(tainted));
  CHECK(inventory.remove("c"));
  CHECK_FALSE(inventory.remove("c"));
  CHECK(inventory.counts() == NodeCounts{.good = 2});
  CHECK(inventory.size() == 2);
}

TEST_CASE("a list takes the place of all, and one that broke off takes nothing away") {
  NodeInventory inventory;
  for (const char* name : {"a", "b", "c"}) inventory.put(node_of(name));
  inventory.begin_list();
  CHECK_FALSE(inventory.put(node_of("a")));
  CHECK(inventory.size() == 3);
  inventory.begin_list();
  CHECK(inventory.put(node_of("d")));
  CHECK_FALSE(inventory.put(node_of("b")));
  CHECK(inventory.end_list());
  CHECK(inventory.size() == 2);
  inventory.begin_list();
  inventory.put(node_of("b"));
  inventory.put(node_of("d"));
  CHECK_FALSE(inventory.end_list());
  CHECK(inventory.remove("b"));
  CHECK(inventory.put(node_of("e")));
  CHECK(inventory.size() == 2);
}

TEST_CASE("a snapshot stays as it is, is the same until something changes, and outlives all") {
  auto inventory = std::make_unique<NodeInventory>();
  inventory->put(node_of("b"));
  const auto first = inventory->snapshot();
  CHECK(inventory->snapshot() == first);
  inventory->put(node_of("b"));
  CHECK(inventory->snapshot() == first);
  inventory->put(node_of("a"));
  const auto second = inventory->snapshot();
  CHECK(second != first);
  inventory->put(RuntimeClass{"gvisor", "runsc"});
  CHECK(inventory->snapshot() != second);
  inventory.reset();
  CHECK(first->size() == 1);
  CHECK(first->name_of(0) == "b");
  CHECK(second->size() == 2);
  CHECK(second->name_of(0) == "a");
  CHECK(second->find("b") == 1);
  CHECK_FALSE(second->find("c"));
}

TEST_CASE("RuntimeClasses are put, removed and listed") {
  NodeInventory inventory;
  CHECK(inventory.put(RuntimeClass{"gvisor", "runsc"}));
  CHECK_FALSE(inventory.put(RuntimeClass{"gvisor", "runsc"}));
  CHECK(inventory.put(RuntimeClass{"gvisor", "runsc2"}));
  CHECK(inventory.remove_runtime_class("gvisor"));
  CHECK_FALSE(inventory.remove_runtime_class("gvisor"));
  CHECK(inventory.replace_runtime_classes({{"a", "x"}, {"b", "y"}}));
  CHECK_FALSE(inventory.replace_runtime_classes({{"b", "y"}, {"a", "x"}}));
}

TEST_CASE("nodes are judged by the handler of a pod's RuntimeClass") {
  auto node = good_node("a");
  node["status"]["runtimeHandlers"].push_back(
      {{"name", "runsc"}, {"features", {{"userNamespaces", false}}}});
  const auto nodes = snapshot_of(
      {node,
       {{"kind", "RuntimeClass"}, {"metadata", {{"name", "gvisor"}}}, {"handler", "runsc"}},
       {{"kind", "RuntimeClass"}, {"metadata", {{"name", "kata"}}}, {"handler", "kata-qemu"}}});
  CHECK_FALSE(nodes->view_for("").bad.contains(0));
  CHECK(nodes->view_for("gvisor").bad.contains(0));
  CHECK(nodes->why(nodes->view_for("gvisor"), 0) == "containerd://2.1.4 has no user namespaces");
  CHECK_FALSE(nodes->view_for("kata").bad.contains(0));
  CHECK_FALSE(nodes->view_for("nobody has told of it").bad.contains(0));
}

std::string error_of(std::string_view body) {
  NodeInventory inventory;
  JsonParser parser;
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  put_objects(root, inventory);
  return document.error() ? document.error()->message : std::to_string(inventory.size());
}

TEST_CASE("lists of nodes are read as API servers and kubectl write them") {
  CHECK(error_of(R"({"kind": "NodeList", "items": [{"metadata": {"name": "a"}}]})") == "1");
  CHECK(error_of(R"({"kind": "NodeList", "items": null})") == "0");
  CHECK(error_of(R"({"kind": "List", "items": [{"kind": "Node", "metadata": {"name": "a"}},
      {"kind": "RuntimeClass", "metadata": {"name": "b"}, "handler": "c"}]})") == "1");
  CHECK(error_of(R"({"kind": "Node", "metadata": {"name": "a"}})") == "1");
  CHECK(error_of(R"({"kind": "List", "items": [{"metadata": {"name": "a"}}]})") ==
        "items[0].kind: expected NodeList, or a List of Node and RuntimeClass");
  CHECK(error_of(R"({"kind": "PodList", "items": []})") ==
        "kind: expected NodeList, or a List of Node and RuntimeClass");
  CHECK(error_of(R"({"kind": "NodeList", "items": [{}]})") ==
        "items[0].metadata.name: is missing (expected the name of a Node)");
}

}  // namespace
}  // namespace webhook
