#include "scheduling/candidates.h"

#include <doctest/doctest.h>

#include "base/json_reader.h"
#include "support/nodes.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

/// The names of the nodes that a pod with this spec may go to, one after the other.
std::string candidates(const NodeSnapshot& nodes, const std::string& spec) {
  JsonParser parser;
  JsonDocument document(parser, spec);
  const JsonValue root = document.root();
  const NodeSet found = find_candidates(read_pod_constraints(root), nodes);
  REQUIRE_FALSE(document.error());
  std::string names;
  found.all_of([&](std::size_t node) {
    names += nodes.name_of(node);
    return true;
  });
  return names;
}

std::string with_terms(const std::string& terms) {
  return R"({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
      {"nodeSelectorTerms": )" +
         terms + "}}}}";
}

std::string with_expression(const std::string& expression) {
  return with_terms(R"([{"matchExpressions": [)" + expression + "]}]");
}

struct Row {
  std::string spec;
  const char* want;
};

void check(const NodeSnapshot& nodes, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.spec);
    CHECK(candidates(nodes, row.spec) == row.want);
  }
}

const auto kNodes = snapshot_of({good_node("a", {{"zone", "1"}, {"disk", "ssd"}, {"cpus", "8"}}),
                                 good_node("b", {{"zone", "1"}, {"cpus", "16"}}),
                                 good_node("c", {{"zone", "2"}, {"cpus", "many"}}),
                                 good_node("d", {{"disk", ""}, {"cpus", "-4"}})});

TEST_CASE("nodeName and nodeSelector choose nodes") {
  check(*kNodes, {{"{}", "abcd"},
                  {R"({"nodeName": "b"})", "b"},
                  {R"({"nodeName": "x"})", ""},
                  {R"({"nodeSelector": {}})", "abcd"},
                  {R"({"nodeSelector": {"zone": "1"}})", "ab"},
                  {R"({"nodeSelector": {"zone": "1", "disk": "ssd"}})", "a"},
                  {R"({"nodeSelector": {"disk": ""}})", "d"},
                  {R"({"nodeSelector": {"zone": "3"}})", ""},
                  {R"({"nodeSelector": {"x": "1"}})", ""},
                  {R"({"nodeName": "c", "nodeSelector": {"zone": "1"}})", ""}});
}

TEST_CASE("each operator of a required node affinity") {
  check(*kNodes,
        {{with_expression(R"({"key": "zone", "operator": "In", "values": ["1", "3"]})"), "ab"},
         {with_expression(R"({"key": "zone", "operator": "In", "values": ["1", "2"]})"), "abc"},
         {with_expression(R"({"key": "zone", "operator": "In", "values": []})"), ""},
         {with_expression(R"({"key": "x", "operator": "In", "values": ["1"]})"), ""},
         {with_expression(R"({"key": "zone", "operator": "NotIn", "values": ["1"]})"), "cd"},
         {with_expression(R"({"key": "x", "operator": "NotIn", "values": ["1"]})"), "abcd"},
         {with_expression(R"({"key": "zone", "operator": "NotIn"})"), ""},
         {with_expression(R"({"key": "disk", "operator": "Exists"})"), "ad"},
         {with_expression(R"({"key": "disk", "operator": "Exists", "values": ["ssd"]})"), ""},
         {with_expression(R"({"key": "disk", "operator": "DoesNotExist"})"), "bc"},
         {with_expression(R"({"key": "disk", "operator": "DoesNotExist", "values": ["x"]})"), ""},
         {with_expression(R"({"key": "cpus", "operator": "Gt", "values": ["8"]})"), "b"},
         {with_expression(R"({"key": "cpus", "operator": "Gt", "values": ["-5"]})"), "abd"},
         {with_expression(R"({"key": "cpus", "operator": "Lt", "values": ["+16"]})"), "ad"},
         {with_expression(R"({"key": "cpus", "operator": "Lt", "values": ["a"]})"), ""},
         {with_expression(R"({"key": "cpus", "operator": "Lt", "values": ["1", "2"]})"), ""},
         {with_expression(R"({"key": "cpus", "operator": "Lt",
                              "values": ["99999999999999999999"]})"),
          ""},
         {with_expression(R"({"key": "x", "operator": "Gt", "values": ["1"]})"), ""},
         {with_expression(R"({"key": "zone", "operator": "Equals", "values": ["1"]})"), ""}});
}

TEST_CASE("expressions are ANDed, terms ORed, and an empty term matches nothing") {
  const std::string zone = R"({"key": "zone", "operator": "In", "values": ["1"]})";
  const std::string disk = R"({"key": "disk", "operator": "Exists"})";
  check(*kNodes, {{with_expression(zone + ", " + disk), "a"},
                  {with_terms("[{\"matchExpressions\": [" + zone + "]}, {\"matchExpressions\": [" +
                              disk + "]}]"),
                   "abd"},
                  {with_terms("[]"), ""},
                  {with_terms("null"), ""},
                  {with_terms("[{}]"), ""},
                  {with_terms(R"([{"matchExpressions": []}, {"matchFields": null}])"), ""},
                  {with_terms("[{}, {\"matchExpressions\": [" + zone + "]}]"), "ab"},
                  {R"({"affinity": {"nodeAffinity":
                       {"preferredDuringSchedulingIgnoredDuringExecution": []}}})",
                   "abcd"}});
}

TEST_CASE("a node's name can be chosen as a field") {
  const auto field = [](const std::string& rest) {
    return with_terms(R"([{"matchFields": [{"key": "metadata.name", )" + rest + "}]}]");
  };
  check(
      *kNodes,
      {{field(R"("operator": "In", "values": ["b"])"), "b"},
       {field(R"("operator": "NotIn", "values": ["b"])"), "acd"},
       {field(R"("operator": "In", "values": ["a", "b"])"), ""},
       {field(R"("operator": "Exists")"), ""},
       {with_terms(R"([{"matchFields": [{"key": "x", "operator": "In", "values": ["b"]}]}])"), ""},
       {with_terms(R"([{"matchFields": [{"key": "x", "operator": "NotIn", "values": ["b"]}]}])"),
        "abcd"},
       {with_terms(R"([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["1"]}],
             "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["b"]}]}])"),
        "a"}});
}

Json tainted(const std::string& name, const Json& taints) {
  Json node = good_node(name);
  node["spec"]["taints"] = taints;
  return node;
}

TEST_CASE("taints keep pods off that do not tolerate each of them") {
  const auto nodes = snapshot_of(
      {good_node("a"), tainted("b", {{{"key", "k"}, {"value", "1"}, {"effect", "NoSchedule"}}}),
       tainted("c", {{{"key", "k"}, {"value", "20"}, {"effect", "NoExecute"}}}),
       tainted("d", {{{"key", "k"}, {"value", "1"}, {"effect", "NoSchedule"}},
                     {{"key", "l"}, {"effect", "NoExecute"}}}),
       tainted("e", {{{"key", "k"}, {"value", "1"}, {"effect", "PreferNoSchedule"}}})});
  const auto tolerating = [](const std::string& tolerations) {
    return R"({"tolerations": [)" + tolerations + "]}";
  };
  check(*nodes,
        {{"{}", "ae"},
         {tolerating(R"({"operator": "Exists"})"), "abcde"},
         {tolerating(R"({"operator": "Exists", "effect": "NoExecute"})"), "ace"},
         {tolerating(R"({"key": "k", "operator": "Exists"})"), "abce"},
         {tolerating(R"({"key": "k", "value": "1"})"), "abe"},
         {tolerating(R"({"key": "k", "operator": "Equal", "value": "1", "effect": "NoSchedule"})"),
          "abe"},
         {tolerating(R"({"key": "k", "value": "1", "effect": "NoExecute"})"), "ae"},
         {tolerating(R"({"key": "k", "value": "1", "effect": "PreferNoSchedule"})"), "ae"},
         {tolerating(R"({"key": "k", "value": "1"}, {"key": "l"})"), "abde"},
         {tolerating(R"({"value": "1"})"), "abe"},  // API servers ask for Exists beside no key
         {tolerating(R"({"key": "k", "operator": "Gt", "value": "5"})"), "ace"},
         {tolerating(R"({"key": "k", "operator": "Lt", "value": "5"})"), "abe"},
         {tolerating(R"({"key": "k", "operator": "Lt", "value": "05"})"), "ae"},
         {tolerating(R"({"key": "k", "operator": "Odd", "value": "1"})"), "ae"},
         // The scheduler is not asked; the kubelet evicts.
         {R"({"nodeName": "b"})", "b"},
         {R"({"nodeName": "c"})", ""},
         {R"({"nodeName": "c", "tolerations": [{"operator": "Exists"}]})", "c"}});
}

TEST_CASE("a node that reboots, is drained or cordoned is one that comes back") {
  Json cordoned =
      tainted("c", {{{"key", "node.kubernetes.io/unschedulable"}, {"effect", "NoSchedule"}}});
  cordoned["spec"]["unschedulable"] = true;
  const auto nodes = snapshot_of(
      {tainted("a", {{{"key", "node.kubernetes.io/not-ready"}, {"effect", "NoExecute"}},
                     {{"key", "node.cilium.io/agent-not-ready"}, {"effect", "NoSchedule"}}}),
       tainted("b", {{{"key", "karpenter.sh/disrupted"}, {"effect", "NoSchedule"}}}), cordoned});
  check(*nodes, {{"{}", "abc"}});
}

TEST_CASE("no pod of ours goes to a node of Windows") {
  const auto nodes =
      snapshot_of({good_node("a"), good_node("b", {{"kubernetes.io/os", "windows"}})});
  check(*nodes, {{"{}", "a"}, {R"({"nodeName": "b"})", ""}});
}

TEST_CASE("what is ignored is as if it were not there, which does not make a term empty") {
  JsonParser parser;
  const std::string spec =
      with_expression(R"({"key": "zone", "operator": "NotIn", "values": ["1"]})");
  JsonDocument document(parser, spec);
  const JsonValue root = document.root();
  const PodConstraints pod = read_pod_constraints(root);
  CHECK(find_candidates(pod, *kNodes, [](const NodeRequirement& requirement) {
          return requirement.key == "zone";
        }).size() == 4);
}

TEST_CASE("many nodes are found as few are") {
  // More than one word of bits, and sets that are kept as lists and as bits.
  std::vector<Json> list;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "n" + std::to_string(1000 + i);
    list.push_back(good_node(
        name, {{"odd", i % 2 == 0 ? "no" : "yes"}, {"rare", i % 50 == 0 ? "yes" : "no"}}));
  }
  const auto nodes = snapshot_of(list);
  const auto count = [&](const std::string& spec) { return candidates(*nodes, spec).size() / 5; };
  CHECK(count("{}") == 200);
  CHECK(count(R"({"nodeSelector": {"odd": "yes"}})") == 100);
  CHECK(count(R"({"nodeSelector": {"rare": "yes"}})") == 4);
  CHECK(count(R"({"nodeSelector": {"rare": "yes", "odd": "yes"}})") == 0);
  CHECK(count(with_expression(R"({"key": "rare", "operator": "NotIn", "values": ["yes"]})")) ==
        196);
  CHECK(candidates(*nodes, R"({"nodeSelector": {"kubernetes.io/hostname": "n1199"}})") == "n1199");
}

TEST_CASE("without nodes there are no candidates") {
  CHECK(candidates(*snapshot_of({}), "{}").empty());
}

}  // namespace
}  // namespace webhook
