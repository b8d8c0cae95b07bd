#include "scheduling/avoidance.h"

#include <doctest/doctest.h>

#include "support/nodes.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

constexpr const char* kPool = "cloud.google.com/gke-nodepool";
constexpr const char* kSandbox = "code-executor-webhook/sandbox";

/// What keeps a pod off the bad ones of `nodes`; empty if nothing can.
std::string avoidance_of(const std::vector<Json>& nodes) {
  const auto snapshot = snapshot_of(nodes);
  const NodeSnapshot::View& view = snapshot->view_for("");
  const auto found = find_avoidance(view.bad, *snapshot, view);
  if (found) CHECK(can_be_avoidance(*found));
  return found ? to_selector(*found) : "";
}

TEST_CASE("our label is enough where all bad nodes have it") {
  CHECK(avoidance_of({good_node("a"), good_node("b", {{kSandbox, "false"}})}) ==
        "code-executor-webhook/sandbox notin (false)");
  // One of the bad ones has not: the names do.
  CHECK(avoidance_of({good_node("a"), bad_node("b", {{kSandbox, "false"}}), bad_node("c")}) ==
        "kubernetes.io/hostname notin (b,c)");
}

TEST_CASE("a pool is avoided where all its nodes are bad") {
  CHECK(avoidance_of({good_node("a", {{kPool, "new"}}), bad_node("b", {{kPool, "old"}}),
                      bad_node("c", {{kPool, "old"}}), bad_node("d", {{kPool, "older"}})}) ==
        "cloud.google.com/gke-nodepool notin (old,older)");
  for (const char* key :
       {"eks.amazonaws.com/nodegroup", "kubernetes.azure.com/agentpool", "karpenter.sh/nodepool"}) {
    CHECK(avoidance_of({good_node("a", {{key, "new"}}), bad_node("b", {{key, "old"}})}) ==
          std::string(key) + " notin (old)");
  }
  // Good nodes that are of no pool do not matter.
  CHECK(avoidance_of({good_node("a"), bad_node("b", {{kPool, "old"}})}) ==
        "cloud.google.com/gke-nodepool notin (old)");
}

TEST_CASE("a pool that is being upgraded is not avoided: its next node may be good") {
  CHECK(avoidance_of({good_node("a", {{kPool, "p"}}), bad_node("b", {{kPool, "p"}})}) ==
        "kubernetes.io/hostname notin (b)");
  // A good node of the pool to which the pod may not go says the same.
  const auto snapshot = snapshot_of({good_node("a", {{kPool, "p"}}), bad_node("b", {{kPool, "p"}}),
                                     good_node("c", {{kPool, "q"}})});
  NodeSet bad(3);
  bad.add(1);
  const auto found = find_avoidance(bad, *snapshot, snapshot->view_for(""));
  REQUIRE(found);
  CHECK(found->key == "kubernetes.io/hostname");
}

TEST_CASE("a pool whose nodes are not known to be bad is not avoided") {
  Json unknown = good_node("b", {{kPool, "p"}});
  unknown["status"]["nodeInfo"]["kernelVersion"] = "5.14.0-427.13.1.el9_4.x86_64";
  CHECK(avoidance_of({unknown, bad_node("c", {{kPool, "p"}})}) ==
        "kubernetes.io/hostname notin (c)");
}

TEST_CASE("a zone is never avoided, whatever its nodes") {
  const Labels one = {{"topology.kubernetes.io/zone", "1"}, {"karpenter.sh/capacity-type", "spot"}};
  const Labels two = {{"topology.kubernetes.io/zone", "2"}, {"karpenter.sh/capacity-type", "x"}};
  CHECK(avoidance_of({good_node("a", one), bad_node("b", two)}).empty());
}

TEST_CASE("names are avoided only where no node shows an autoscaler") {
  CHECK(avoidance_of({good_node("a"), bad_node("b")}) == "kubernetes.io/hostname notin (b)");
  // Karpenter makes no node for a pod that says something of hostnames.
  CHECK(avoidance_of({good_node("a", {{"karpenter.sh/nodepool", "p"}}), bad_node("b")}).empty());
  Json leaving = good_node("a");
  leaving["spec"]["taints"] = {
      {{"key", "ToBeDeletedByClusterAutoscaler"}, {"effect", "NoSchedule"}}};
  CHECK(avoidance_of({leaving, bad_node("b")}).empty());
  // Its pools can be.
  CHECK(avoidance_of({good_node("a", {{"karpenter.sh/nodepool", "p"}}),
                      bad_node("b", {{"karpenter.sh/nodepool", "q"}})}) ==
        "karpenter.sh/nodepool notin (q)");
}

TEST_CASE("up to 64 names are avoided, and no more") {
  std::vector<Json> nodes = {good_node("a")};
  for (std::size_t i = 0; i < kMostAvoided; ++i) nodes.push_back(bad_node("b" + std::to_string(i)));
  CHECK(avoidance_of(nodes).starts_with("kubernetes.io/hostname notin (b0,b1,b10,"));
  nodes.push_back(bad_node("c"));
  CHECK(avoidance_of(nodes).empty());
  // So many are still of one pool.
  for (Json& node : nodes) {
    const bool is_bad = node["metadata"]["name"] != "a";
    node["metadata"]["labels"][kPool] = is_bad ? "old" : "new";
  }
  CHECK(avoidance_of(nodes) == "cloud.google.com/gke-nodepool notin (old)");
}

TEST_CASE("a hostname label that is missing, shared or odd keeps nobody off") {
  Json missing = bad_node("b");
  missing["metadata"]["labels"].erase("kubernetes.io/hostname");
  CHECK(avoidance_of({good_node("a"), missing}).empty());
  CHECK(avoidance_of({good_node("a", {{"kubernetes.io/hostname", "x"}}),
                      bad_node("b", {{"kubernetes.io/hostname", "x"}})})
            .empty());
  CHECK(avoidance_of({good_node("a"), bad_node("b", {{"kubernetes.io/hostname", "not a value"}})})
            .empty());
  // One that is not the node's name is what counts.
  CHECK(avoidance_of({good_node("a"), bad_node("b", {{"kubernetes.io/hostname", "ip-10-0-0-1"}}),
                      bad_node("c", {{"kubernetes.io/hostname", "ip-10-0-0-1"}})}) ==
        "kubernetes.io/hostname notin (ip-10-0-0-1)");
}

TEST_CASE("nothing else than what is written is taken for it") {
  using Op = NodeRequirement::Operator;
  CHECK(can_be_avoidance({"kubernetes.io/hostname", Op::kNotIn, {"a"}}));
  CHECK_FALSE(can_be_avoidance({"kubernetes.io/hostname", Op::kIn, {"a"}}));
  CHECK_FALSE(can_be_avoidance({"topology.kubernetes.io/zone", Op::kNotIn, {"a"}}));
  CHECK(to_selector({"k", Op::kNotIn, {"a", "b"}}) == "k notin (a,b)");
}

}  // namespace
}  // namespace webhook
