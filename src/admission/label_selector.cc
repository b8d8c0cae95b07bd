#include "admission/label_selector.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;
using Operator = LabelRequirement::Operator;

constexpr std::size_t kMaxLabelText = 317;  // a prefix of 253, a slash, a name of 63

constexpr std::array<std::pair<const char*, Operator>, 4> kOperators{{
    {"In", Operator::kIn},
    {"NotIn", Operator::kNotIn},
    {"Exists", Operator::kExists},
    {"DoesNotExist", Operator::kDoesNotExist},
}};

bool has_values(Operator op) { return op == Operator::kIn || op == Operator::kNotIn; }

std::string quoted(const std::string& text) {
  return '\'' + to_printable(text, kMaxLabelText) + '\'';
}

std::string quoted(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) {
    list.append(list.empty() ? "" : " or ").append(quoted(text));
  }
  return list;
}

Result<LabelRequirement> parse_requirement(const Json& expression) {
  const auto text = [&](const char* member) {
    const bool is_text =
        expression.is_object() && expression.contains(member) && expression[member].is_string();
    return is_text ? expression[member].get<std::string>() : std::string();
  };
  LabelRequirement requirement{.key = text("key")};
  if (requirement.key.empty()) return Error{"matchExpressions: no key (expected a label's key)"};
  const std::string op = text("operator");
  const auto* known = std::find_if(kOperators.begin(), kOperators.end(),
                                   [&](const auto& each) { return each.first == op; });
  if (known == kOperators.end()) {
    return Error{"matchExpressions: operator " + quoted(op) +
                 " (expected In, NotIn, Exists or DoesNotExist)"};
  }
  requirement.op = known->second;
  const Json values = expression.value("values", Json(nullptr));
  if (!values.is_null() && !values.is_array()) {
    return Error{"matchExpressions: values is not a list (expected one of strings)"};
  }
  for (const Json& value : values) {
    if (!value.is_string()) return Error{"matchExpressions: a value is no string"};
    requirement.values.push_back(value.get<std::string>());
  }
  if (requirement.values.empty() == has_values(requirement.op)) {
    return Error{"matchExpressions: operator " + op +
                 (has_values(requirement.op) ? " has no values (expected some)"
                                             : " has values (expected none)")};
  }
  return requirement;
}

/// What is not met, of a label that the object has (`value`) or not.
std::string unmet(const LabelRequirement& requirement, const std::string* value) {
  const bool is_met_by_value =
      value != nullptr && std::find(requirement.values.begin(), requirement.values.end(), *value) !=
                              requirement.values.end();
  const std::string label = "label " + to_printable(requirement.key, kMaxLabelText);
  const std::string is = value == nullptr ? " is missing" : " is " + quoted(*value);
  switch (requirement.op) {
    case Operator::kIn:
      return is_met_by_value ? "" : label + is + " (expected " + quoted(requirement.values) + ')';
    case Operator::kNotIn:
      return is_met_by_value ? label + is + " (expected another value than " +
                                   quoted(requirement.values) + ", or none)"
                             : "";
    case Operator::kExists: return value != nullptr ? "" : label + is + " (expected any value)";
    case Operator::kDoesNotExist: break;
  }
  return value == nullptr ? "" : label + is + " (expected none)";
}

}  // namespace

Labels labels_of(const Json& object) {
  static const Json::json_pointer kLabels("/metadata/labels");
  Labels labels;
  if (!object.contains(kLabels) || !object.at(kLabels).is_object()) return labels;
  for (const auto& [key, value] : object.at(kLabels).items()) {
    if (value.is_string()) labels.values[key] = value.get<std::string>();
  }
  return labels;
}

Result<LabelSelector> parse_label_selector(const Json& selector) {
  LabelSelector parsed;
  if (selector.is_null()) return parsed;
  if (!selector.is_object()) return Error{"not a label selector (expected an object)"};
  const Json labels = selector.value("matchLabels", Json(nullptr));
  if (!labels.is_null() && !labels.is_object()) {
    return Error{"matchLabels: not an object (expected labels and their values)"};
  }
  for (const auto& [key, value] : labels.items()) {
    if (!value.is_string()) return Error{"matchLabels: a value is no string"};
    parsed.push_back({key, Operator::kIn, {value.get<std::string>()}});
  }
  const Json expressions = selector.value("matchExpressions", Json(nullptr));
  if (!expressions.is_null() && !expressions.is_array()) {
    return Error{"matchExpressions: not a list (expected requirements)"};
  }
  for (const Json& expression : expressions) {
    auto requirement = parse_requirement(expression);
    if (!requirement) return requirement.error();
    parsed.push_back(std::move(*requirement));
  }
  return parsed;
}

Selection select(const LabelSelector& selector, const Labels& labels) {
  Selection selection;
  for (const LabelRequirement& requirement : selector) {
    const auto found = labels.values.find(requirement.key);
    if (found == labels.values.end() && !labels.are_all) {
      if (selection.selected == Selected::kYes) {
        selection = {Selected::kUnknown,
                     "label " + to_printable(requirement.key, kMaxLabelText) + " is not known"};
      }
      continue;
    }
    std::string why = unmet(requirement, found == labels.values.end() ? nullptr : &found->second);
    if (!why.empty()) return {Selected::kNo, std::move(why)};
  }
  return selection;
}

}  // namespace webhook
