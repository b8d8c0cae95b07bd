#include "scheduling/pod_constraints.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

struct Read {
  PodConstraints constraints;
  std::string error;
};

Read read(const std::string& body) {
  JsonParser parser;
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  Read result{.constraints = read_pod_constraints(root), .error = {}};
  if (document.error()) result.error = document.error()->message;
  return result;
}

TEST_CASE("a pod that says nothing of nodes has no constraints") {
  CHECK(read(R"({"containers": []})").constraints == PodConstraints{});
  CHECK(read(R"({"affinity": null, "tolerations": null, "nodeSelector": null})").constraints ==
        PodConstraints{});
}

TEST_CASE("all that a pod says of nodes is read") {
  const Read got = read(R"({
      "nodeName": "n", "runtimeClassName": "gvisor", "nodeSelector": {"a": "b", "c": null},
      "affinity": {
        "podAffinity": {},
        "nodeAffinity": {
          "preferredDuringSchedulingIgnoredDuringExecution": [],
          "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {}, {"matchExpressions": []},
            {"matchExpressions": [{"key": "k", "operator": "NotIn", "values": ["v", "w"]},
                                  {"key": "l", "operator": "Odd"}],
             "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}]}}},
      "tolerations": [{"operator": "Exists"}, {"key": "k", "value": "v", "effect": "NoExecute"},
                      {"key": "k", "operator": "Gt", "value": "5", "effect": "PreferNoSchedule"}]})");
  CHECK(got.error.empty());
  const PodConstraints& pod = got.constraints;
  CHECK(pod.node_name == "n");
  CHECK(pod.runtime_class == "gvisor");
  CHECK(pod.node_selector == std::vector<std::pair<std::string, std::string>>{{"a", "b"}});
  CHECK(pod.parents == AffinityParents{true, true, true, true, true});
  REQUIRE(pod.terms.size() == 3);
  CHECK(pod.terms[0].is_empty());
  CHECK_FALSE(pod.terms[0].has_expressions_list);
  CHECK(pod.terms[1].is_empty());
  CHECK(pod.terms[1].has_expressions_list);
  using Op = NodeRequirement::Operator;
  CHECK(pod.terms[2].expressions ==
        std::vector<NodeRequirement>{{"k", Op::kNotIn, {"v", "w"}}, {"l", Op::kOther, {}}});
  CHECK(pod.terms[2].fields == std::vector<NodeRequirement>{{"metadata.name", Op::kIn, {"n"}}});
  using Tolerates = Toleration::Operator;
  CHECK(pod.tolerations ==
        std::vector<Toleration>{{"", Tolerates::kExists, "", true, std::nullopt},
                                {"k", Tolerates::kEqual, "v", false, Taint::Effect::kNoExecute},
                                {"k", Tolerates::kGt, "5", false, std::nullopt}});
  CHECK_FALSE(pod.is_too_long);
}

TEST_CASE("which parents of a requirement are there is known") {
  CHECK(read(R"({"affinity": {}})").constraints.parents == AffinityParents{.has_affinity = true});
  CHECK(read(R"({"affinity": {"podAntiAffinity": {}}})").constraints.parents ==
        AffinityParents{.has_affinity = true, .has_others_in_affinity = true});
  CHECK(read(R"({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
      []}}})")
            .constraints.parents == AffinityParents{.has_affinity = true,
                                                    .has_node_affinity = true,
                                                    .has_others_in_node_affinity = true});
}

TEST_CASE("what is wrong is said with its place") {
  CHECK(read(R"({"nodeName": 1})").error == "nodeName: is a number (expected a string)");
  CHECK(read(R"({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
      {"nodeSelectorTerms": [{"matchExpressions": [{"values": [1]}]}]}}}})")
            .error ==
        "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
        "matchExpressions[0].values[0]: is a number (expected a string)");
  CHECK(read(R"({"tolerations": {}})").error == "tolerations: is an object (expected a list)");
}

TEST_CASE("a pod that says more than any pod does is not read to the end") {
  Json spec = {{"tolerations", Json::array()}};
  for (std::size_t i = 0; i < kMostConstraints; ++i) spec["tolerations"].push_back(Json::object());
  CHECK_FALSE(read(spec.dump()).constraints.is_too_long);
  spec["tolerations"].push_back(Json::object());
  CHECK(read(spec.dump()).constraints.is_too_long);
  CHECK(read(spec.dump()).constraints.tolerations.size() == kMostConstraints);
  Json values = {
      {"affinity",
       {{"nodeAffinity",
         {{"requiredDuringSchedulingIgnoredDuringExecution",
           {{"nodeSelectorTerms", {{{"matchExpressions", {{{"values", Json::array()}}}}}}}}}}}}}};
  auto& list = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
                     ["nodeSelectorTerms"][0]["matchExpressions"][0]["values"];
  for (std::size_t i = 0; i < kMostConstraints; ++i) list.push_back("v");
  CHECK(read(values.dump()).constraints.is_too_long);
  const Json long_text = {{"nodeName", std::string(kMostConstraintText + 1, 'a')}};
  CHECK(read(long_text.dump()).constraints.is_too_long);
}

TEST_CASE("a pod that compares more than any pod does is not judged") {
  Json comparing = Json::array();
  for (std::size_t i = 0; i < kMostComparisons; ++i) {
    comparing.push_back({{"key", "k"}, {"operator", i % 2 == 0 ? "Gt" : "Lt"}, {"value", "1"}});
  }
  Json spec = {{"tolerations", comparing}};
  CHECK_FALSE(read(spec.dump()).constraints.is_too_long);
  spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
      ["nodeSelectorTerms"] = {{{"matchExpressions", {comparing.front()}}}};
  CHECK(read(spec.dump()).constraints.is_too_long);
}

}  // namespace
}  // namespace webhook
