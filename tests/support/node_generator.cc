#include "support/node_generator.h"

#include <string>
#include <utility>

#include "support/nodes.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

const std::vector<std::pair<std::string, std::string>> kLabels = {
    {"zone", "1"},
    {"zone", "2"},
    {"disk", "ssd"},
    {"disk", ""},
    {"cpus", "4"},
    {"cpus", "16"},
    {"cpus", "many"},
    {"cloud.google.com/gke-nodepool", "p"},
    {"cloud.google.com/gke-nodepool", "q"},
    {"karpenter.sh/nodepool", "p"},
    {"code-executor-webhook/sandbox", "false"},
    {"code-executor-webhook/sandbox", "true"},
    {"kubernetes.io/hostname", "shared"}};
const Json kTaints = {{{"key", "k"}, {"value", "1"}, {"effect", "NoSchedule"}},
                      {{"key", "k"}, {"value", "20"}, {"effect", "NoExecute"}},
                      {{"key", "l"}, {"effect", "NoSchedule"}},
                      {{"key", "l"}, {"value", "v"}, {"effect", "NoExecute"}},
                      {{"key", "l"}, {"effect", "PreferNoSchedule"}}};
const Json kLifecycle = {{{"key", "node.kubernetes.io/not-ready"}, {"effect", "NoExecute"}},
                         {{"key", "ToBeDeletedByClusterAutoscaler"}, {"effect", "NoSchedule"}}};
const Json kKernels = {"6.8.0-45-generic", "5.15.0-130-generic", "5.15.0-130-generic",
                       "5.14.0-427.13.1.el9_4.x86_64", ""};

/// Two taints of one key and effect cannot be there.
void add_taint(Json& taints, const Json& taint) {
  for (const Json& each : taints) {
    if (each["key"] == taint["key"] && each["effect"] == taint["effect"]) return;
  }
  taints.push_back(taint);
}

Json make_node(Dice& dice, const std::string& name, bool is_plain) {
  Json node = good_node(name);
  Json& labels = node["metadata"]["labels"];
  for (std::size_t n = dice.below(4); n > 0; --n) {
    const auto& [key, value] = kLabels[dice.below(kLabels.size())];
    labels[key] = value;
  }
  if (dice.one_in(10)) labels.erase("kubernetes.io/hostname");
  Json taints = Json::array();
  if (dice.one_in(3)) add_taint(taints, dice.any(kTaints));
  if (dice.one_in(6)) add_taint(taints, dice.any(kTaints));
  if (!is_plain && dice.one_in(6)) add_taint(taints, dice.any(kLifecycle));
  if (!is_plain && dice.one_in(12)) labels["kubernetes.io/os"] = "windows";
  node["spec"]["taints"] = taints;
  node["status"]["nodeInfo"]["kernelVersion"] = dice.any(kKernels);
  if (dice.one_in(8)) node["status"]["nodeInfo"]["kubeletVersion"] = "v1.32.4";
  if (dice.one_in(4)) {
    node["status"]["runtimeHandlers"].push_back(
        {{"name", "runsc"}, {"features", {{"userNamespaces", false}}}});
  }
  return node;
}

Json make_requirement(Dice& dice) {
  const Json operators = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "In", "NotIn"};
  const Json keys = {"zone", "disk", "cpus", "kubernetes.io/hostname", "absent"};
  const Json values = {"1", "2", "ssd", "", "many", "10", "4", "node-0", "node-1"};
  const std::string op = dice.one_in(40) ? "Odd" : dice.any(operators).get<std::string>();
  Json requirement = {{"key", dice.any(keys)}, {"operator", op}};
  const bool is_of_key = op == "Exists" || op == "DoesNotExist";
  const bool is_number = op == "Gt" || op == "Lt";
  std::size_t count = is_of_key ? 0 : is_number ? 1 : 1 + dice.below(3);
  if (dice.one_in(30)) count = dice.below(3);  // which API servers refuse
  for (std::size_t n = 0; n < count; ++n) {
    requirement["values"].push_back(is_number && !dice.one_in(5) ? Json("10") : dice.any(values));
  }
  return requirement;
}

Json make_term(Dice& dice) {
  Json term = Json::object();
  if (dice.one_in(12)) term["matchExpressions"] = dice.one_in(2) ? Json() : Json::array();
  if (dice.one_in(12)) return term;
  for (std::size_t n = dice.below(3); n > 0; --n) {
    term["matchExpressions"].push_back(make_requirement(dice));
  }
  if (dice.one_in(5)) {
    const Json operators = {"In", "NotIn", "Exists"};
    const Json values = {"node-0", "node-1", "absent"};
    const Json field = {{"key", dice.one_in(10) ? "metadata.uid" : "metadata.name"},
                        {"operator", dice.any(operators)},
                        {"values", Json::array({dice.any(values)})}};
    term["matchFields"].push_back(field);
  }
  return term;
}

/// What a review wrote, as it may come back.
Json make_avoidance(Dice& dice) {
  const Json all = {
      {{"key", "kubernetes.io/hostname"}, {"operator", "NotIn"}, {"values", {"node-0"}}},
      {{"key", "kubernetes.io/hostname"}, {"operator", "NotIn"}, {"values", {"node-0", "node-1"}}},
      {{"key", "cloud.google.com/gke-nodepool"}, {"operator", "NotIn"}, {"values", {"p"}}},
      {{"key", "code-executor-webhook/sandbox"}, {"operator", "NotIn"}, {"values", {"false"}}}};
  return dice.any(all);
}

Json make_affinity(Dice& dice) {
  constexpr const char* kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
  Json affinity = Json::object();
  if (dice.one_in(4)) affinity["podAffinity"] = Json::object();
  if (dice.one_in(6)) return affinity;
  Json& node_affinity = affinity["nodeAffinity"] = Json::object();
  if (dice.one_in(4)) {
    node_affinity["preferredDuringSchedulingIgnoredDuringExecution"] = Json::array();
  }
  if (dice.one_in(4)) return affinity;
  Json& terms = node_affinity[kRequired]["nodeSelectorTerms"] = Json::array();
  for (std::size_t n = 1 + dice.below(3); n > 0; --n) terms.push_back(make_term(dice));
  if (dice.one_in(4)) terms.push_back({{"matchExpressions", Json::array({make_avoidance(dice)})}});
  for (Json& term : terms) {
    if (dice.one_in(4)) term["matchExpressions"].push_back(make_avoidance(dice));
  }
  return affinity;
}

Json make_toleration(Dice& dice) {
  const Json all = {{{"operator", "Exists"}},
                    {{"key", "k"}, {"operator", "Exists"}},
                    {{"key", "l"}, {"operator", "Exists"}, {"effect", "NoExecute"}},
                    {{"key", "k"}, {"value", "1"}},
                    {{"key", "k"}, {"operator", "Equal"}, {"value", "20"}},
                    {{"key", "l"}},
                    {{"key", "l"}, {"effect", "NoSchedule"}},
                    {{"key", "k"}, {"operator", "Gt"}, {"value", "5"}},
                    {{"key", "k"}, {"operator", "Lt"}, {"value", "5"}},
                    {{"key", "k"}, {"operator", "Lt"}, {"value", "05"}},
                    {{"value", "v"}},
                    {{"key", "k"}, {"operator", "Odd"}, {"value", "1"}}};
  return dice.any(all);
}

}  // namespace

std::vector<Json> make_nodes(Dice& dice, bool is_plain) {
  std::vector<Json> nodes;
  const std::size_t count = dice.below(10);
  for (std::size_t i = 0; i < count; ++i) {
    nodes.push_back(make_node(dice, "node-" + std::to_string(i), is_plain));
  }
  return nodes;
}

std::shared_ptr<const NodeSnapshot> generate_nodes(std::uint64_t seed) {
  Dice dice(seed);
  std::vector<Json> objects = make_nodes(dice, false);
  objects.push_back(
      {{"kind", "RuntimeClass"}, {"metadata", {{"name", "gvisor"}}}, {"handler", "runsc"}});
  return snapshot_of(objects);
}

void add_constraints(Dice& dice, Json& spec) {
  if (dice.one_in(20)) spec["nodeName"] = dice.one_in(2) ? "node-0" : "absent";
  if (dice.one_in(8)) spec["runtimeClassName"] = dice.one_in(2) ? "gvisor" : "absent";
  if (dice.one_in(6)) spec["nodeSelector"] = {{"zone", dice.one_in(3) ? "2" : "1"}};
  if (dice.one_in(2)) spec["affinity"] = make_affinity(dice);
  if (dice.one_in(2)) spec["tolerations"] = Json::array();
  for (std::size_t n = dice.below(4); n > 0; --n) {
    spec["tolerations"].push_back(make_toleration(dice));
  }
}

Json make_mark(Dice& dice) {
  const Json all = {"kubernetes.io/hostname notin (node-0)",
                    "kubernetes.io/hostname notin (node-0,node-1)",
                    "cloud.google.com/gke-nodepool notin (p)",
                    "code-executor-webhook/sandbox notin (false)",
                    "zone notin (1)",
                    ""};
  return dice.any(all);
}

}  // namespace webhook
