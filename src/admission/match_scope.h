#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "admission/label_selector.h"
#include "base/result.h"

namespace webhook {

/// Whether an API server asks a webhook, or a policy, about the creation of a pod.
enum class Called {
  kYes,
  kDepends,  ///< On conditions, or on what is not known.
  kNo,
};

/// "yes", "depends", "no".
std::string_view to_string(Called called);

/// Whether one is asked, and for each that could be why, in one line.
struct CallVerdict {
  Called called = Called::kNo;
  std::vector<std::string> why;
};

/// What a webhook, a policy or the binding of one is about, as far as pods are concerned.
struct MatchScope {
  LabelSelector namespaces;
  LabelSelector objects;
  Called takes_pod_creations = Called::kNo;  ///< By its rules.
};

/// Judges as API servers do, but for CEL: `why` is empty where the answer is yes.
struct ScopeVerdict {
  Called called = Called::kNo;
  std::string why;
};

/// Reads namespaceSelector, objectSelector and the rules of member `rules` of `object`, and its
/// excludeResourceRules. `without_rules`: whether it takes what it has no rules for. Error:
/// "objectSelector: what is wrong (what would be right)".
Result<MatchScope> parse_match_scope(const nlohmann::ordered_json& object, const char* rules,
                                     Called without_rules);

/// Whether the creation of a v1 Pod with labels `pod` in a namespace with labels `ns` is in
/// `scope`: k8s.io/apiserver pkg/admission/plugin/webhook/generic, ShouldCallHook, and
/// pkg/admission/plugin/policy/matching, Matches.
ScopeVerdict judge(const MatchScope& scope, const Labels& pod, const Labels& ns);

/// The matchConditions of `object`, "name: expression" each, in one line; empty without any.
std::string to_conditions(const nlohmann::ordered_json& object);

}  // namespace webhook
