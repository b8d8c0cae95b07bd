#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "admission/match_scope.h"
#include "base/result.h"

namespace webhook {

/// A MutatingAdmissionPolicy. Without a binding it does nothing.
struct AdmissionPolicy {
  std::string name;
  std::string created;  ///< RFC 3339 in UTC; empty where it is not known.
  MatchScope scope;
  std::string conditions;    ///< CEL, which is not evaluated here; empty without any.
  bool has_params = false;   ///< paramKind: without it the API server passes over paramRef.
  bool fails_closed = true;  ///< failurePolicy Fail: where the evaluation fails the pod is refused.
};

/// A MutatingAdmissionPolicyBinding.
struct AdmissionPolicyBinding {
  std::string name;
  std::string created;
  std::string policy;               ///< The name of the one that it binds.
  std::optional<MatchScope> scope;  ///< Narrows what the policy is about.
  std::string param;                ///< "NAMESPACE/NAME" of its paramRef, or "NAME"; empty without.
  bool denies_without_param = true;  ///< parameterNotFoundAction Deny.
};

/// Reads `object`. Error: "NAME: spec.matchConstraints.objectSelector: what is wrong (what would be
/// right)".
Result<AdmissionPolicy> parse_admission_policy(const nlohmann::ordered_json& object);
Result<AdmissionPolicyBinding> parse_admission_policy_binding(const nlohmann::ordered_json& object);

/// Whether the API server evaluates `policy` by one of `bindings`, of which some may be of others,
/// at the creation of a v1 Pod with labels `pod` in a namespace with labels `ns`. Policies come
/// before webhooks, and labels are those that the pod comes with. Whether the feature and the
/// admission plugin MutatingAdmissionPolicy are on is not known here.
CallVerdict would_be_evaluated(const AdmissionPolicy& policy,
                               const std::vector<AdmissionPolicyBinding>& bindings,
                               const Labels& pod, const Labels& ns);

}  // namespace webhook
