#include "admission/policy_call.h"

#include <algorithm>
#include <utility>

#include "base/json_at.h"
#include "base/text.h"

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxReasons = 10;

Json spec_of(const Json& object) {
  return object.is_object() ? object.value("spec", Json::object()) : Json::object();
}

/// Member `member` of the spec of `object`; an empty object without one.
Result<Json> spec_member(const Json& object, const char* member) {
  const Json spec = spec_of(object);
  if (!spec.is_object()) return Error{"spec: not an object"};
  Json found = spec.value(member, Json::object());
  if (found.is_null()) return Json::object();
  if (!found.is_object()) {
    return Error{"spec." + std::string(member) + ": not an object (expected selectors and rules)"};
  }
  return found;
}

Error placed(const std::string& name, const std::string& place, const Error& error) {
  return Error{name + ": " + place + error.message};
}

/// "NAMESPACE/NAME" of the paramRef of a binding; empty without one.
std::string to_param(const Json& object) {
  const std::string name = string_at(object, "/spec/paramRef/name");
  const std::string ns = string_at(object, "/spec/paramRef/namespace");
  const Json::json_pointer reference("/spec/paramRef");
  if (!object.contains(reference) || object[reference].is_null()) return {};
  if (name.empty()) return "(by selector)";
  return to_printable(ns.empty() ? name : ns + '/' + name, 2 * kMaxName);
}

ScopeVerdict judge(const AdmissionPolicy& policy, const AdmissionPolicyBinding& binding,
                   const Labels& pod, const Labels& ns) {
  ScopeVerdict verdict = judge(policy.scope, pod, ns);
  if (verdict.called == Called::kNo) return verdict;
  if (binding.scope) {
    ScopeVerdict bound = judge(*binding.scope, pod, ns);
    if (bound.called > verdict.called) {
      verdict = {bound.called, "matchResources of its binding: " + bound.why};
    }
  }
  if (verdict.called != Called::kYes) return verdict;
  if (!policy.conditions.empty()) {
    return {Called::kDepends,
            "if its matchConditions, which are not evaluated here, are true; " + policy.conditions};
  }
  const bool has_param = policy.has_params && !binding.param.empty();
  if (has_param && !(binding.denies_without_param && policy.fails_closed)) {
    const char* member = binding.denies_without_param ? "failurePolicy" : "parameterNotFoundAction";
    return {Called::kDepends, "if its param " + binding.param + " is there (" + member +
                                  ": without it the policy is passed over)"};
  }
  verdict.why = policy.fails_closed
                    ? "failurePolicy Fail: where it cannot be evaluated the pod is refused"
                    : "failurePolicy Ignore: where it cannot be evaluated the pod is created as it "
                      "comes, not sandboxed";
  if (has_param) {
    verdict.why += "; without its param " + binding.param + " the pod is refused";
  }
  return verdict;
}

}  // namespace

Result<AdmissionPolicy> parse_admission_policy(const Json& object) {
  const std::string name = to_printable(string_at(object, "/metadata/name"), kMaxName);
  const auto constraints = spec_member(object, "matchConstraints");
  if (!constraints) return placed(name, "", constraints.error());
  auto scope = parse_match_scope(*constraints, "resourceRules", Called::kNo);
  if (!scope) return placed(name, "spec.matchConstraints.", scope.error());
  return AdmissionPolicy{
      .name = name,
      .created = string_at(object, "/metadata/creationTimestamp"),
      .scope = std::move(*scope),
      .conditions = to_conditions(spec_of(object)),
      .has_params = !string_at(object, "/spec/paramKind/kind").empty(),
      .fails_closed = string_at(object, "/spec/failurePolicy") != "Ignore",
  };
}

Result<AdmissionPolicyBinding> parse_admission_policy_binding(const Json& object) {
  AdmissionPolicyBinding binding{
      .name = to_printable(string_at(object, "/metadata/name"), kMaxName),
      .created = string_at(object, "/metadata/creationTimestamp"),
      .policy = string_at(object, "/spec/policyName"),
      .scope = {},
      .param = to_param(object),
      .denies_without_param = string_at(object, "/spec/paramRef/parameterNotFoundAction") == "Deny",
  };
  const auto resources = spec_member(object, "matchResources");
  if (!resources) return placed(binding.name, "", resources.error());
  if (resources->empty()) return binding;
  auto scope = parse_match_scope(*resources, "resourceRules", Called::kYes);
  if (!scope) return placed(binding.name, "spec.matchResources.", scope.error());
  binding.scope = std::move(*scope);
  return binding;
}

CallVerdict would_be_evaluated(const AdmissionPolicy& policy,
                               const std::vector<AdmissionPolicyBinding>& bindings,
                               const Labels& pod, const Labels& ns) {
  CallVerdict verdict;
  std::vector<ScopeVerdict> of_each;
  for (const AdmissionPolicyBinding& binding : bindings) {
    if (binding.policy != policy.name) continue;
    of_each.push_back(judge(policy, binding, pod, ns));
    of_each.back().why.insert(0, binding.name + ": ");
    verdict.called = std::min(verdict.called, of_each.back().called);
  }
  std::stable_partition(of_each.begin(), of_each.end(),
                        [&](const ScopeVerdict& each) { return each.called == verdict.called; });
  const std::size_t shown = std::min(of_each.size(), kMaxReasons);
  for (std::size_t i = 0; i < shown; ++i) verdict.why.push_back(std::move(of_each[i].why));
  if (shown < of_each.size()) {
    verdict.why.push_back("and " + std::to_string(of_each.size() - shown) + " more bindings");
  }
  if (of_each.empty()) {
    verdict.why.push_back("no MutatingAdmissionPolicyBinding binds MutatingAdmissionPolicy " +
                          policy.name + ": without one it does nothing");
  }
  return verdict;
}

}  // namespace webhook
