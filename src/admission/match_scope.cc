#include "admission/match_scope.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/json_at.h"
#include "base/text.h"

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxExpression = 200;

bool has_any(const Json& rule, const char* member, std::initializer_list<std::string_view> words) {
  if (!rule.contains(member) || !rule[member].is_array()) return false;
  return std::any_of(rule[member].begin(), rule[member].end(), [&](const Json& each) {
    return each.is_string() &&
           std::find(words.begin(), words.end(), each.get_ref<const std::string&>()) != words.end();
  });
}

/// k8s.io/apiserver pkg/admission/plugin/webhook/predicates/rules. Policies' rules may be about
/// pods of some names only, which are not known here.
Called takes_pod_creations(const Json& rule) {
  if (!rule.is_object()) return Called::kNo;
  const std::string scope = string_at(rule, "/scope");
  const bool takes = (scope.empty() || scope == "*" || scope == "Namespaced") &&
                     has_any(rule, "operations", {"CREATE", "*"}) &&
                     has_any(rule, "apiGroups", {"", "*"}) &&
                     has_any(rule, "apiVersions", {"v1", "*"}) &&
                     has_any(rule, "resources", {"pods", "*", "pods/*", "*/*"});
  if (!takes) return Called::kNo;
  const Json names = rule.value("resourceNames", Json());
  return names.is_array() && !names.empty() ? Called::kDepends : Called::kYes;
}

/// What the rule of `list` says that takes most.
Called any_takes_pod_creations(const Json& list) {
  Called most = Called::kNo;
  for (const Json& rule : list) most = std::min(most, takes_pod_creations(rule));
  return most;
}

}  // namespace

std::string_view to_string(Called called) {
  switch (called) {
    case Called::kYes: return "yes";
    case Called::kDepends: return "depends";
    case Called::kNo: break;
  }
  return "no";
}

Result<MatchScope> parse_match_scope(const Json& object, const char* rules, Called without_rules) {
  auto namespaces = parse_label_selector(object.value("namespaceSelector", Json(nullptr)));
  if (!namespaces) return Error{"namespaceSelector: " + namespaces.error().message};
  auto objects = parse_label_selector(object.value("objectSelector", Json(nullptr)));
  if (!objects) return Error{"objectSelector: " + objects.error().message};
  const Json list = object.value(rules, Json::array());
  Called takes = list.empty() ? without_rules : any_takes_pod_creations(list);
  switch (any_takes_pod_creations(object.value("excludeResourceRules", Json::array()))) {
    case Called::kYes: takes = Called::kNo; break;
    case Called::kDepends: takes = std::max(takes, Called::kDepends); break;
    case Called::kNo: break;
  }
  return MatchScope{.namespaces = std::move(*namespaces),
                    .objects = std::move(*objects),
                    .takes_pod_creations = takes};
}

ScopeVerdict judge(const MatchScope& scope, const Labels& pod, const Labels& ns) {
  if (scope.takes_pod_creations == Called::kNo) {
    return {Called::kNo,
            "no rule of it takes the creation of pods (expected operation CREATE of "
            "resource pods, version v1, of group \"\")"};
  }
  std::string unknown;
  for (const auto& [field, selection] : {
           std::pair{"namespaceSelector: ", select(scope.namespaces, ns)},
           std::pair{"objectSelector: ", select(scope.objects, pod)},
       }) {
    if (selection.selected == Selected::kNo) return {Called::kNo, field + selection.why};
    if (selection.selected == Selected::kUnknown) unknown = field + selection.why;
  }
  if (!unknown.empty()) return {Called::kDepends, unknown};
  if (scope.takes_pod_creations == Called::kDepends) {
    return {Called::kDepends, "a rule of it is about pods of some names only (resourceNames)"};
  }
  return {Called::kYes, ""};
}

std::string to_conditions(const Json& object) {
  std::string conditions;
  for (const Json& condition : object.value("matchConditions", Json::array())) {
    conditions.append(conditions.empty() ? "" : "; ")
        .append(to_printable(string_at(condition, "/name"), kMaxName))
        .append(": ")
        .append(to_printable(string_at(condition, "/expression"), kMaxExpression));
  }
  return conditions;
}

}  // namespace webhook
