#include "admission/label_selector.h"

#include <doctest/doctest.h>

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

LabelSelector parsed(const char* text) {
  auto selector = parse_label_selector(Json::parse(text));
  REQUIRE(selector.has_value());
  return *selector;
}

const Labels kLabels{.values = {{"app", "code-executor"}, {"empty", ""}}};

TEST_CASE("each operator selects as the API server's does") {
  struct Row {
    const char* selector;
    Selected want;
    const char* why;
  };
  for (
      const Row& row : {
          Row{"null", Selected::kYes, ""},
          Row{"{}", Selected::kYes, ""},
          Row{R"({"matchLabels": null, "matchExpressions": null})", Selected::kYes, ""},
          Row{R"({"matchLabels": {}, "matchExpressions": []})", Selected::kYes, ""},
          Row{R"({"matchLabels": {"app": "code-executor"}})", Selected::kYes, ""},
          Row{R"({"matchLabels": {"app": "other"}})", Selected::kNo,
              "label app is 'code-executor' (expected 'other')"},
          Row{R"({"matchLabels": {"App": "code-executor"}})", Selected::kNo,
              "label App is missing (expected 'code-executor')"},
          Row{R"({"matchLabels": {"empty": ""}})", Selected::kYes, ""},
          Row{R"({"matchLabels": {"none": ""}})", Selected::kNo,
              "label none is missing (expected '')"},
          Row{R"({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "code-executor"]}]})",
              Selected::kYes, ""},
          Row{R"({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]})",
              Selected::kNo, "label app is 'code-executor' (expected 'a' or 'b')"},
          Row{R"({"matchExpressions": [{"key": "x", "operator": "In", "values": ["a"]}]})",
              Selected::kNo, "label x is missing (expected 'a')"},
          Row{R"({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a", "code-executor"]}]})",
              Selected::kNo,
              "label app is 'code-executor' (expected another value than 'a' or 'code-executor', "
              "or none)"},
          Row{R"({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]})",
              Selected::kYes, ""},
          Row{R"({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["a"]}]})",
              Selected::kYes, ""},
          Row{R"({"matchExpressions": [{"key": "empty", "operator": "Exists"}]})", Selected::kYes,
              ""},
          Row{R"({"matchExpressions": [{"key": "x", "operator": "Exists", "values": []}]})",
              Selected::kNo, "label x is missing (expected any value)"},
          Row{R"({"matchExpressions": [{"key": "x", "operator": "DoesNotExist", "values": null}]})",
              Selected::kYes, ""},
          Row{R"({"matchExpressions": [{"key": "empty", "operator": "DoesNotExist"}]})",
              Selected::kNo, "label empty is '' (expected none)"},
          // All of them have to be met.
          Row{R"({"matchLabels": {"app": "code-executor"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]})",
              Selected::kNo, "label x is missing (expected any value)"},
      }) {
    CAPTURE(row.selector);
    const Selection selection = select(parsed(row.selector), kLabels);
    CHECK((selection.selected == row.want));
    CHECK(selection.why == row.why);
  }
}

TEST_CASE("of labels that are not all known, what is known decides") {
  Labels some = kLabels;
  some.are_all = false;
  struct Row {
    const char* selector;
    Selected want;
    const char* why;
  };
  for (
      const Row& row : {
          Row{R"({"matchLabels": {"app": "code-executor"}})", Selected::kYes, ""},
          Row{R"({"matchLabels": {"app": "x"}})", Selected::kNo,
              "label app is 'code-executor' (expected 'x')"},
          Row{R"({"matchLabels": {"team": "x"}})", Selected::kUnknown, "label team is not known"},
          Row{R"({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]})",
              Selected::kUnknown, "label team is not known"},
          Row{R"({"matchLabels": {"team": "x"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})",
              Selected::kNo, "label app is 'code-executor' (expected none)"},
      }) {
    CAPTURE(row.selector);
    const Selection selection = select(parsed(row.selector), some);
    CHECK((selection.selected == row.want));
    CHECK(selection.why == row.why);
  }
}

TEST_CASE("what is no selector is refused") {
  struct Row {
    const char* selector;
    const char* why;
  };
  for (const Row& row : {
           Row{"[]", "not a label selector (expected an object)"},
           Row{"1", "not a label selector (expected an object)"},
           Row{R"({"matchLabels": []})",
               "matchLabels: not an object (expected labels and their values)"},
           Row{R"({"matchLabels": {"a": true}})", "matchLabels: a value is no string"},
           Row{R"({"matchExpressions": {}})",
               "matchExpressions: not a list (expected requirements)"},
           Row{R"({"matchExpressions": [1]})", "matchExpressions: no key (expected a label's key)"},
           Row{R"({"matchExpressions": [{"key": "a", "operator": "in", "values": ["x"]}]})",
               "matchExpressions: operator 'in' (expected In, NotIn, Exists or DoesNotExist)"},
           Row{R"({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]})",
               "matchExpressions: operator 'Gt' (expected In, NotIn, Exists or DoesNotExist)"},
           Row{R"({"matchExpressions": [{"key": "a", "operator": "In", "values": []}]})",
               "matchExpressions: operator In has no values (expected some)"},
           Row{R"({"matchExpressions": [{"key": "a", "operator": "NotIn"}]})",
               "matchExpressions: operator NotIn has no values (expected some)"},
           Row{R"({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]})",
               "matchExpressions: operator Exists has values (expected none)"},
           Row{R"({"matchExpressions": [{"key": "a", "operator": "In", "values": "x"}]})",
               "matchExpressions: values is not a list (expected one of strings)"},
           Row{R"({"matchExpressions": [{"key": "a", "operator": "In", "values": [1]}]})",
               "matchExpressions: a value is no string"},
       }) {
    CAPTURE(row.selector);
    const auto selector = parse_label_selector(Json::parse(row.selector));
    REQUIRE_FALSE(selector.has_value());
    CHECK(selector.error().message == row.why);
  }
}

TEST_CASE("labels are read from metadata") {
  CHECK(labels_of(Json::parse("{}")).values.empty());
  CHECK(labels_of(Json::parse(R"({"metadata": {"labels": null}})")).values.empty());
  const Labels labels = labels_of(Json::parse(R"({"metadata": {"labels": {"a": "b", "c": 1}}})"));
  CHECK(labels.values == std::map<std::string, std::string>{{"a", "b"}});
  CHECK(labels.are_all);
}

TEST_CASE("a value that could end a line stays in it") {
  const auto selection =
      select(parsed(R"({"matchLabels": {"a": "b"}})"), {.values = {{"a", "x\n\u001b[1m"}}});
  CHECK(selection.why == "label a is 'x??[1m' (expected 'b')");
}

}  // namespace
}  // namespace webhook
