#include "cel/policies.h"

#include <algorithm>
#include <utility>

#include "admission/decision.h"
#include "admission/words.h"
#include "cel/decision.h"
#include "cel/facts.h"
#include "cel/layout.h"
#include "cel/literal.h"
#include "cel/mutation.h"
#include "cel/warnings.h"

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kApi = "admissionregistration.k8s.io/v1";
constexpr const char* kDenials = "code-executor-webhook-denials";
constexpr const char* kWarnings = "code-executor-webhook-warnings";

Json to_object(const char* api, const char* kind, const std::string& name) {
  return {{"apiVersion", api},
          {"kind", kind},
          {"metadata",
           {{"name", name}, {"labels", {{"app.kubernetes.io/name", "code-executor-webhook"}}}}}};
}

Json to_json(const Variables& variables) {
  Json list = Json::array();
  for (const auto& [name, expression] : variables) {
    list.push_back({{"name", name}, {"expression", to_lines(expression)}});
  }
  return list;
}

/// Which pods the policies are about: those that the webhook is called for.
Json to_constraints(const Json& configuration) {
  const Json& webhook = configuration.at("webhooks").at(0);
  return {{"matchPolicy", webhook.at("matchPolicy")},
          {"resourceRules", webhook.at("rules")},
          {"objectSelector", webhook.at("objectSelector")},
          {"namespaceSelector", webhook.at("namespaceSelector")}};
}

class Policies {
 public:
  Policies(const Sandbox& sandbox, const PolicyOptions& options)
      : sandbox_(sandbox),
        options_(options),
        constraints_(to_constraints(options.webhook_configuration)),
        decision_(to_facts(sandbox, to_profile())) {
    add_decision(decision_, sandbox.policy);
  }

  std::vector<Json> make() {
    if (options_.param_namespace) objects_.push_back(to_param());
    add_mutating();
    add_denying();
    add_warning();
    return std::move(objects_);
  }

 private:
  [[nodiscard]] std::string to_profile() const {
    if (options_.param_namespace) return "params.data[" + to_cel_string(kProfileKey) + ']';
    return to_cel(sandbox_.profile_annotation.value);
  }

  [[nodiscard]] std::string param_name() const {
    return with_digest(sandbox_.policy.config_map_name, sandbox_.policy.profile.sha256);
  }

  [[nodiscard]] Json to_param() const {
    Json object = to_object("v1", "ConfigMap", param_name());
    object["metadata"]["namespace"] = *options_.param_namespace;
    object["data"] = {{std::string(kProfileKey), sandbox_.policy.profile.bytes}};
    if (param_name() != sandbox_.policy.config_map_name) object["immutable"] = true;
    return object;
  }

  Json to_spec(const char* failure_policy) const {
    Json spec = {{"failurePolicy", failure_policy}};
    if (options_.param_namespace) spec["paramKind"] = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}};
    spec["matchConstraints"] = constraints_;
    return spec;
  }

  void add(Json object, Json spec) {
    object["spec"] = std::move(spec);
    objects_.push_back(std::move(object));
  }

  /// The binding of the policy that was added last.
  void bind(const char* kind, Json actions, bool has_param) {
    const std::string name = objects_.back().at("metadata").at("name");
    Json spec = {{"policyName", name}};
    if (!actions.is_null()) spec["validationActions"] = std::move(actions);
    if (has_param && options_.param_namespace) {
      spec["paramRef"] = {{"name", param_name()},
                          {"namespace", *options_.param_namespace},
                          {"parameterNotFoundAction", "Deny"}};
    }
    add(to_object(kApi, kind, name), std::move(spec));
  }

  void add_mutating() {
    Variables variables = decision_;
    add_denial(variables, sandbox_.policy);
    add_patch_variables(variables, sandbox_);
    Json spec = to_spec("Fail");
    spec["reinvocationPolicy"] = "IfNeeded";
    spec["variables"] = to_json(variables);
    spec["mutations"] =
        Json::array({{{"patchType", "JSONPatch"},
                      {"jsonPatch", {{"expression", to_lines(to_mutation(sandbox_))}}}}});
    add(to_object(kApi, "MutatingAdmissionPolicy", kPolicyName), std::move(spec));
    bind("MutatingAdmissionPolicyBinding", nullptr, true);
  }

  /// Of all pods, whatever labels they have by now: none is stored with the mark.
  void add_denying() {
    const std::string mark = "object.metadata.?annotations[?" + to_cel_string(kDeniedMark) + ']';
    Json constraints = constraints_;
    constraints.erase("objectSelector");
    Json validations = Json::array();
    for (const MarkValidation& each : to_mark_validations()) {
      validations.push_back({{"expression", to_lines(each.expression)},
                             {"reason", each.reason},
                             {"message", kMarkMessage},
                             {"messageExpression", to_lines(to_mark_words())}});
    }
    add(to_object(kApi, "ValidatingAdmissionPolicy", kDenials),
        {{"failurePolicy", "Fail"},
         {"matchConstraints", std::move(constraints)},
         {"matchConditions",
          Json::array({{{"name", "is-denied"}, {"expression", mark + ".hasValue()"}}})},
         {"validations", std::move(validations)}});
    bind("ValidatingAdmissionPolicyBinding", Json::array({"Deny"}), false);
  }

  void add_warning() {
    Variables variables = decision_;
    add_warning_variables(variables, sandbox_);
    Json validations = Json::array();
    for (const Warning& warning : to_policy_warnings(sandbox_.policy)) {
      Json validation = {{"expression", to_lines(warning.expression)},
                         {"message", warning.message}};
      if (!warning.message_expression.empty()) {
        validation["messageExpression"] = to_lines(warning.message_expression);
      }
      validations.push_back(std::move(validation));
    }
    Json spec = to_spec("Ignore");
    spec["variables"] = to_json(variables);
    spec["validations"] = std::move(validations);
    add(to_object(kApi, "ValidatingAdmissionPolicy", kWarnings), std::move(spec));
    bind("ValidatingAdmissionPolicyBinding", Json::array({"Warn"}), true);
  }

  const Sandbox& sandbox_;
  const PolicyOptions& options_;
  Json constraints_;
  Variables decision_;
  std::vector<Json> objects_;
};

/// What is wrong with an expression in `value`, a part of a policy; it is ASCII.
std::optional<Error> find_too_long(const Json& value) {
  if (value.is_string() && value.get_ref<const std::string&>().size() > kMaxExpression) {
    return Error{"sandbox.seccomp.profileFile: the profile makes an expression of " +
                 std::to_string(value.get_ref<const std::string&>().size()) +
                 " characters (expected at most " + std::to_string(kMaxExpression) +
                 ": put the profile into a ConfigMap with --param)"};
  }
  if (!value.is_structured()) return std::nullopt;
  for (const Json& each : value) {
    if (auto error = find_too_long(each)) return error;
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<Json>> to_policies(const Sandbox& sandbox, const PolicyOptions& options) {
  const Policy& policy = sandbox.policy;
  if (policy.minimum_version > kOldestPolicyVersion) {
    return Error{"sandbox.minimumKubernetesVersion: " + to_string(policy.minimum_version) +
                 " (expected at most " + to_string(kOldestPolicyVersion) +
                 ": a policy cannot ask which release it runs in, only be served or not)"};
  }
  if (policy.node_fallback) {
    return Error{"sandbox.nodeFallback: a policy sees no nodes (expected sandbox)"};
  }
  if (options.param_namespace && policy.delivery != Delivery::kAnnotation) {
    return Error{
        "--param: the policies hold no profile (expected sandbox.seccomp.delivery: annotation)"};
  }
  std::vector<Json> objects = Policies(sandbox, options).make();
  for (const Json& object : objects) {
    if (!object.contains("spec")) continue;
    if (auto error = find_too_long(object)) return *error;
  }
  return objects;
}

}  // namespace webhook
