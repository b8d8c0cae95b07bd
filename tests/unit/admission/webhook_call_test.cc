#include "admission/webhook_call.h"

#include <functional>

#include <doctest/doctest.h>

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

/// As in manifests/base.
Json base() {
  return Json::parse(R"({
    "metadata": {"name": "code-executor-webhook", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "webhooks": [{
      "name": "sandbox.example",
      "clientConfig": {"caBundle": "Cg=="},
      "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                 "resources": ["pods"], "scope": "Namespaced"}],
      "objectSelector": {"matchLabels": {"app": "code-executor"},
                         "matchExpressions": [{"key": "mode", "operator": "NotIn", "values": ["off"]}]},
      "namespaceSelector": {"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]},
      "failurePolicy": "Fail"}]})");
}

const Labels kPod{.values = {{"app", "code-executor"}}};
const Labels kNamespace{.values = {{"kubernetes.io/metadata.name", "retool"}}};

CallVerdict judge(const Json& object, const Labels& pod = kPod, const Labels& ns = kNamespace) {
  const auto configuration = parse_webhook_configuration(object);
  REQUIRE(configuration.has_value());
  return would_be_called(*configuration, pod, ns);
}

TEST_CASE("each part of a webhook decides whether it is called") {
  struct Row {
    const char* what;
    std::function<void(Json&)> change;
    Called want;
    const char* why;
  };
  const std::string fail = "failurePolicy Fail: without it the pod is refused";
  const std::string no_rule =
      "no rule of it takes the creation of pods (expected operation CREATE of resource pods, "
      "version v1, of group \"\")";
  const auto rule = [](const char* member, Json value) {
    return [=](Json& hook) { hook["rules"][0][member] = value; };
  };
  for (const Row& row : std::vector<Row>{
           {"base", [](Json&) {}, Called::kYes, fail.c_str()},
           {"Ignore", [](Json& h) { h["failurePolicy"] = "Ignore"; }, Called::kYes,
            "failurePolicy Ignore: without it the pod is created as it comes, not sandboxed"},
           {"no caBundle", [](Json& h) { h["clientConfig"].erase("caBundle"); }, Called::kYes,
            "failurePolicy Fail: without it the pod is refused; it has no caBundle yet"},
           {"no selectors",
            [](Json& h) { h.erase("objectSelector"), h["namespaceSelector"] = nullptr; },
            Called::kYes, fail.c_str()},
           {"objectSelector", [](Json& h) { h["objectSelector"]["matchLabels"]["app"] = "x"; },
            Called::kNo, "objectSelector: label app is 'code-executor' (expected 'x')"},
           {"namespaceSelector",
            [](Json& h) {
              h["namespaceSelector"]["matchExpressions"][0]["values"].push_back("retool");
            },
            Called::kNo,
            "namespaceSelector: label kubernetes.io/metadata.name is 'retool' (expected another "
            "value than 'kube-system' or 'retool', or none)"},
           {"namespace label", [](Json& h) { h["namespaceSelector"]["matchLabels"]["team"] = "x"; },
            Called::kNo, "namespaceSelector: label team is missing (expected 'x')"},
           {"any operation", rule("operations", {"UPDATE", "*"}), Called::kYes, fail.c_str()},
           {"other operations", rule("operations", {"UPDATE"}), Called::kNo, no_rule.c_str()},
           {"any group", rule("apiGroups", {"*"}), Called::kYes, fail.c_str()},
           {"another group", rule("apiGroups", {"apps"}), Called::kNo, no_rule.c_str()},
           {"any version", rule("apiVersions", {"*"}), Called::kYes, fail.c_str()},
           {"another version", rule("apiVersions", {"v2"}), Called::kNo, no_rule.c_str()},
           {"any resource", rule("resources", {"*"}), Called::kYes, fail.c_str()},
           {"pods and below", rule("resources", {"pods/*"}), Called::kYes, fail.c_str()},
           {"everything and below", rule("resources", {"*/*"}), Called::kYes, fail.c_str()},
           {"below only", rule("resources", {"pods/status", "*/status"}), Called::kNo,
            no_rule.c_str()},
           {"any scope", rule("scope", "*"), Called::kYes, fail.c_str()},
           {"no scope", rule("scope", nullptr), Called::kYes, fail.c_str()},
           {"cluster scope", rule("scope", "Cluster"), Called::kNo, no_rule.c_str()},
           {"no rules", [](Json& h) { h.erase("rules"); }, Called::kNo, no_rule.c_str()},
           {"a second rule",
            [](Json& h) {
              h["rules"].push_back(h["rules"][0]);
              h["rules"][0]["resources"] = {"services"};
            },
            Called::kYes, fail.c_str()},
           {"conditions",
            [](Json& h) {
              h["matchConditions"] = {{{"name", "a"}, {"expression", "object.x ==\n'y'"}}};
            },
            Called::kDepends,
            "if its matchConditions, which are not evaluated here, are true; a: object.x ==??y?"},
           {"conditions of what is not selected",
            [](Json& h) {
              h["matchConditions"] = {{{"name", "a"}, {"expression", "true"}}};
              h["objectSelector"]["matchLabels"]["app"] = "x";
            },
            Called::kNo, "objectSelector: label app is 'code-executor' (expected 'x')"},
       }) {
    CAPTURE(row.what);
    Json object = base();
    row.change(object["webhooks"][0]);
    const CallVerdict verdict = judge(object);
    CHECK((verdict.called == row.want));
    CHECK(verdict.why == std::vector{"sandbox.example: " + std::string(row.why)});
  }
}

TEST_CASE("a label that opts out keeps the webhook from being called") {
  Labels off = kPod;
  off.values["mode"] = "off";
  CHECK((judge(base(), off).called == Called::kNo));
}

TEST_CASE("a namespace that is not known decides only where it must") {
  const Labels named{.values = kNamespace.values, .are_all = false};
  CHECK((judge(base(), kPod, named).called == Called::kYes));
  Json object = base();
  object["webhooks"][0]["namespaceSelector"]["matchLabels"]["team"] = "x";
  const CallVerdict verdict = judge(object, kPod, named);
  CHECK((verdict.called == Called::kDepends));
  CHECK(verdict.why ==
        std::vector<std::string>{"sandbox.example: namespaceSelector: label team is not known"});
  CHECK((judge(object, {}, named).called == Called::kNo));  // by its own labels
}

TEST_CASE("one webhook of a configuration is enough") {
  Json object = base();
  object["webhooks"].push_back(object["webhooks"][0]);
  object["webhooks"][0]["objectSelector"]["matchLabels"]["app"] = "x";
  const CallVerdict verdict = judge(object);
  CHECK((verdict.called == Called::kYes));
  CHECK(verdict.why.size() == 2);
  object.erase("webhooks");
  CHECK((judge(object).called == Called::kNo));
  CHECK(judge(object).why == std::vector<std::string>{"the configuration has no webhooks"});
}

TEST_CASE("a configuration's name and age are read") {
  const auto configuration = parse_webhook_configuration(base());
  CHECK(configuration->name == "code-executor-webhook");
  CHECK(configuration->created == "2026-01-01T00:00:00Z");
}

TEST_CASE("what is no configuration is refused by its place") {
  struct Row {
    const char* text;
    const char* why;
  };
  for (const Row& row : {
           Row{R"({"metadata": {"name": "n"}, "webhooks": {"a": 1}})",
               "n: webhooks[0]: not a list (expected one of webhooks)"},
           Row{R"({"metadata": {"name": "n"}, "webhooks": [1]})",
               "n: webhooks[0]: not a webhook (expected an object)"},
           Row{R"({"metadata": {"name": "n"}, "webhooks": [{}, {"objectSelector": []}]})",
               "n: webhooks[1]: objectSelector: not a label selector (expected an object)"},
           Row{R"({"metadata": {"name": "n"}, "webhooks": [{"namespaceSelector": 1}]})",
               "n: webhooks[0]: namespaceSelector: not a label selector (expected an object)"},
       }) {
    CAPTURE(row.text);
    const auto configuration = parse_webhook_configuration(Json::parse(row.text));
    REQUIRE_FALSE(configuration.has_value());
    CHECK(configuration.error().message == row.why);
  }
  CHECK(parse_webhook_configuration(Json(nullptr))->webhooks.empty());
}

}  // namespace
}  // namespace webhook
