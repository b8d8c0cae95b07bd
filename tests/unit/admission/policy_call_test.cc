#include "admission/policy_call.h"

#include <functional>

#include <doctest/doctest.h>

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

/// As `policy` prints it.
Json policy() {
  return Json::parse(R"({
    "metadata": {"name": "sandbox", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {
      "failurePolicy": "Fail",
      "matchConstraints": {
        "matchPolicy": "Equivalent",
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                           "resources": ["pods"], "scope": "Namespaced"}],
        "objectSelector": {"matchLabels": {"app": "code-executor"}},
        "namespaceSelector": {"matchExpressions": [
          {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]}}}})");
}

Json binding() {
  return Json::parse(R"({"metadata": {"name": "bind", "creationTimestamp": "2026-01-02T00:00:00Z"},
                         "spec": {"policyName": "sandbox"}})");
}

const Labels kPod{.values = {{"app", "code-executor"}}};
const Labels kNamespace{.values = {{"kubernetes.io/metadata.name", "retool"}}};

CallVerdict judge(const Json& object, const std::vector<Json>& objects, const Labels& pod = kPod,
                  const Labels& ns = kNamespace) {
  const auto read = parse_admission_policy(object);
  REQUIRE(read.has_value());
  std::vector<AdmissionPolicyBinding> bindings;
  for (const Json& each : objects) {
    bindings.push_back(parse_admission_policy_binding(each).value());
  }
  return would_be_evaluated(*read, bindings, pod, ns);
}

TEST_CASE("each part of a policy and of its binding decides whether it is evaluated") {
  struct Row {
    const char* what;
    std::function<void(Json&, Json&)> change;  ///< Of the specs of both.
    Called want;
    const char* why;
  };
  const char* fail = "failurePolicy Fail: where it cannot be evaluated the pod is refused";
  const char* no_rule =
      "no rule of it takes the creation of pods (expected operation CREATE of resource pods, "
      "version v1, of group \"\")";
  const char* some_names = "a rule of it is about pods of some names only (resourceNames)";
  const Json kind = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}};
  const Json param = {{"name", "p"}, {"namespace", "n"}, {"parameterNotFoundAction", "Deny"}};
  const Json pods = policy()["spec"]["matchConstraints"]["resourceRules"];
  for (
      const Row& row : std::vector<Row>{
          {"as it is printed", [](Json&, Json&) {}, Called::kYes, fail},
          {"Ignore", [](Json&p, Json&) { p["failurePolicy"] = "Ignore"; }, Called::kYes,
           "failurePolicy Ignore: where it cannot be evaluated the pod is created as it comes, not "
           "sandboxed"},
          {"objectSelector",
           [](Json&p, Json&) {
             p["matchConstraints"]["objectSelector"]["matchLabels"]["app"] = "x";
           },
           Called::kNo, "objectSelector: label app is 'code-executor' (expected 'x')"},
          {"namespaceSelector",
           [](Json&p, Json&) {
             p["matchConstraints"]["namespaceSelector"]["matchLabels"]["team"] = "x";
           },
           Called::kNo, "namespaceSelector: label team is missing (expected 'x')"},
          {"no rules", [](Json&p, Json&) { p["matchConstraints"].erase("resourceRules"); },
           Called::kNo, no_rule},
          {"no constraints", [](Json&p, Json&) { p.erase("matchConstraints"); }, Called::kNo,
           no_rule},
          {"another resource",
           [](Json&p, Json&) {
             p["matchConstraints"]["resourceRules"][0]["resources"] = {"services"};
           },
           Called::kNo, no_rule},
          {"some names",
           [](Json&p, Json&) {
             p["matchConstraints"]["resourceRules"][0]["resourceNames"] = {"a"};
           },
           Called::kDepends, some_names},
          {"pods are left out",
           [&](Json&p, Json&) { p["matchConstraints"]["excludeResourceRules"] = pods; },
           Called::kNo, no_rule},
          {"some pods are left out",
           [&](Json&p, Json&) {
             p["matchConstraints"]["excludeResourceRules"] = pods;
             p["matchConstraints"]["excludeResourceRules"][0]["resourceNames"] = {"a"};
           },
           Called::kDepends, some_names},
          {"others are left out",
           [&](Json&p, Json&) {
             p["matchConstraints"]["excludeResourceRules"] = pods;
             p["matchConstraints"]["excludeResourceRules"][0]["operations"] = {"UPDATE"};
           },
           Called::kYes, fail},
          {"conditions",
           [](Json&p, Json&) {
             p["matchConditions"] = {{{"name", "a"}, {"expression", "x"}},
                                     {{"name", "b"}, {"expression", "y"}}};
           },
           Called::kDepends,
           "if its matchConditions, which are not evaluated here, are true; a: x; b: y"},
          {"the binding's objectSelector",
           [](Json&, Json&b) {
             b["matchResources"]["objectSelector"]["matchLabels"]["team"] = "x";
           },
           Called::kNo,
           "matchResources of its binding: objectSelector: label team is missing (expected 'x')"},
          {"the binding's namespaceSelector",
           [](Json&, Json&b) {
             b["matchResources"]["namespaceSelector"]["matchLabels"] = {
                 {"kubernetes.io/metadata.name", "retool"}};
           },
           Called::kYes, fail},
          {"the binding's rules",
           [&](Json&, Json&b) {
             b["matchResources"]["resourceRules"] = pods;
             b["matchResources"]["resourceRules"][0]["resources"] = {"services"};
           },
           Called::kNo,
           "matchResources of its binding: no rule of it takes the creation of pods (expected "
           "operation CREATE of resource pods, version v1, of group \"\")"},
          {"the policy says no more than its binding",
           [](Json&p, Json&b) {
             p["matchConstraints"]["objectSelector"]["matchLabels"]["app"] = "x";
             b["matchResources"]["objectSelector"]["matchLabels"]["team"] = "x";
           },
           Called::kNo, "objectSelector: label app is 'code-executor' (expected 'x')"},
          {"a param of a policy that takes none, which the API server passes over",
           [&](Json&, Json&b) { b["paramRef"] = param; }, Called::kYes, fail},
          {"a param",
           [&](Json&p, Json&b) {
             p["paramKind"] = kind;
             b["paramRef"] = param;
           },
           Called::kYes,
           "failurePolicy Fail: where it cannot be evaluated the pod is refused; without its param "
           "n/p the pod is refused"},
          {"a param that may be missing",
           [&](Json&p, Json&b) {
             p["paramKind"] = kind;
             b["paramRef"] = {{"name", "p"}, {"parameterNotFoundAction", "Allow"}};
           },
           Called::kDepends,
           "if its param p is there (parameterNotFoundAction: without it the policy is passed "
           "over)"},
          {"a param without which a policy that ignores failures does nothing",
           [&](Json&p, Json&b) {
             p["paramKind"] = kind;
             p["failurePolicy"] = "Ignore";
             b["paramRef"] = param;
           },
           Called::kDepends,
           "if its param n/p is there (failurePolicy: without it the policy is passed over)"},
          {"params by labels",
           [&](Json&p, Json&b) {
             p["paramKind"] = kind;
             b["paramRef"] = {{"selector", Json::object()}, {"parameterNotFoundAction", "Deny"}};
           },
           Called::kYes,
           "failurePolicy Fail: where it cannot be evaluated the pod is refused; without its param "
           "(by selector) the pod is refused"},
      }) {
    CAPTURE(row.what);
    Json object = policy();
    Json bound = binding();
    row.change(object["spec"], bound["spec"]);
    const CallVerdict verdict = judge(object, {bound});
    CHECK((verdict.called == row.want));
    CHECK(verdict.why == std::vector{"bind: " + std::string(row.why)});
  }
}

TEST_CASE("a namespace that is not known decides only where it must") {
  const Labels named{.values = kNamespace.values, .are_all = false};
  CHECK((judge(policy(), {binding()}, kPod, named).called == Called::kYes));
  Json narrow = binding();
  narrow["spec"]["matchResources"]["namespaceSelector"]["matchLabels"]["team"] = "x";
  const CallVerdict verdict = judge(policy(), {narrow}, kPod, named);
  CHECK((verdict.called == Called::kDepends));
  CHECK(verdict.why == std::vector<std::string>{"bind: matchResources of its binding: "
                                                "namespaceSelector: label team is not known"});
}

TEST_CASE("a policy without a binding of its own does nothing") {
  Json other = binding();
  other["spec"]["policyName"] = "another";
  for (const std::vector<Json>& bindings : {std::vector<Json>{}, {other}}) {
    const CallVerdict verdict = judge(policy(), bindings);
    CHECK((verdict.called == Called::kNo));
    CHECK(verdict.why == std::vector<std::string>{
                             "no MutatingAdmissionPolicyBinding binds MutatingAdmissionPolicy "
                             "sandbox: without one it does nothing"});
  }
}

TEST_CASE("one of several bindings is enough") {
  Json narrow = binding();
  narrow["metadata"]["name"] = "narrow";
  narrow["spec"]["matchResources"]["objectSelector"]["matchLabels"]["team"] = "x";
  const CallVerdict verdict = judge(policy(), {narrow, binding()});
  CHECK((verdict.called == Called::kYes));
  REQUIRE(verdict.why.size() == 2);
  CHECK(verdict.why.front() ==
        "bind: failurePolicy Fail: where it cannot be evaluated the pod is refused");
}

TEST_CASE("of many bindings ten are named, those first that decide") {
  Json narrow = binding();
  narrow["metadata"]["name"] = "narrow";
  narrow["spec"]["matchResources"]["objectSelector"]["matchLabels"]["team"] = "x";
  std::vector<Json> many(5000, narrow);
  many.push_back(binding());
  const CallVerdict verdict = judge(policy(), many);
  CHECK((verdict.called == Called::kYes));
  REQUIRE(verdict.why.size() == 11);
  CHECK(verdict.why.front().starts_with("bind: "));
  CHECK(verdict.why.back() == "and 4991 more bindings");
}

TEST_CASE("the ages of both are read") {
  CHECK(parse_admission_policy(policy())->created == "2026-01-01T00:00:00Z");
  CHECK(parse_admission_policy_binding(binding())->created == "2026-01-02T00:00:00Z");
}

TEST_CASE("what is neither is refused by its place") {
  struct Row {
    const char* text;
    const char* policy;   ///< What is wrong with it as a policy; empty: nothing.
    const char* binding;  ///< As a binding.
  };
  for (
      const Row& row : {
          Row{R"({"metadata": {"name": "n"}, "spec": 1})", "n: spec: not an object",
              "n: spec: not an object"},
          Row{R"({"metadata": {"name": "n"}, "spec": {"matchConstraints": []}})",
              "n: spec.matchConstraints: not an object (expected selectors and rules)", ""},
          Row{R"({"metadata": {"name": "n"}, "spec": {"matchConstraints": {"objectSelector": 1}}})",
              "n: spec.matchConstraints.objectSelector: not a label selector (expected an object)",
              ""},
          Row{R"({"metadata": {"name": "n"}, "spec": {"matchResources": {"namespaceSelector": 1}}})",
              "",
              "n: spec.matchResources.namespaceSelector: not a label selector (expected an "
              "object)"},
      }) {
    CAPTURE(row.text);
    const auto policy = parse_admission_policy(Json::parse(row.text));
    CHECK((policy ? "" : policy.error().message) == row.policy);
    const auto binding = parse_admission_policy_binding(Json::parse(row.text));
    CHECK((binding ? "" : binding.error().message) == row.binding);
  }
  CHECK(parse_admission_policy(Json(nullptr)).has_value());
}

}  // namespace
}  // namespace webhook
