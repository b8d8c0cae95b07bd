#include "cel/policies.h"

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

PolicyOptions options(std::optional<std::string> param_namespace = {}) {
  const Json webhook = {{"matchPolicy", "Equivalent"},
                        {"rules", Json::array({{{"resources", {"pods"}}}})},
                        {"objectSelector", {{"matchLabels", {{"a", "b"}}}}},
                        {"namespaceSelector", {{"matchLabels", {{"c", "d"}}}}}};
  return {.webhook_configuration = {{"webhooks", Json::array({webhook})}},
          .param_namespace = std::move(param_namespace)};
}

Result<std::vector<Json>> policies_of(const Policy& policy, const PolicyOptions& with = options()) {
  return to_policies(make_sandbox(policy), with);
}

std::string message_of(const Policy& policy, const PolicyOptions& with = options()) {
  const auto made = policies_of(policy, with);
  return made ? "" : made.error().message;
}

Policy with_profile_of(std::size_t size) {
  Policy policy = small_policy();
  policy.delivery = Delivery::kAnnotation;
  policy.profile.bytes = std::string(size, 'x');
  return policy;
}

TEST_CASE("rules and selectors are the webhook's") {
  const auto made = policies_of(small_policy());
  REQUIRE(made);
  const Json webhook = options().webhook_configuration.at("webhooks").at(0);
  const Json& constraints = made->at(0).at("spec").at("matchConstraints");
  CHECK(made->at(0).at("kind") == "MutatingAdmissionPolicy");
  CHECK(constraints.at("resourceRules") == webhook.at("rules"));
  CHECK(constraints.at("objectSelector") == webhook.at("objectSelector"));
  CHECK(constraints.at("namespaceSelector") == webhook.at("namespaceSelector"));
}

TEST_CASE("a pod with the mark is refused whatever its labels became") {
  const auto made = policies_of(small_policy());
  REQUIRE(made);
  const Json& spec = made->at(2).at("spec");
  CHECK(made->at(2).at("metadata").at("name") == "code-executor-webhook-denials");
  CHECK(spec.at("failurePolicy") == "Fail");
  CHECK_FALSE(spec.at("matchConstraints").contains("objectSelector"));
}

TEST_CASE("each policy has its binding behind it") {
  const auto made = policies_of(small_policy());
  REQUIRE(made);
  REQUIRE(made->size() == 6);
  for (std::size_t i = 0; i < made->size(); i += 2) {
    const Json& binding = made->at(i + 1);
    CHECK(binding.at("kind") == made->at(i).at("kind").get<std::string>() + "Binding");
    CHECK(binding.at("spec").at("policyName") == made->at(i).at("metadata").at("name"));
  }
}

TEST_CASE("a raised minimum is refused where it is above the first release with such policies") {
  Policy policy = small_policy();
  policy.minimum_version = {1, 36};
  CHECK(message_of(policy) == "");
  policy.minimum_version = {1, 37};
  CHECK(message_of(policy) ==
        "sandbox.minimumKubernetesVersion: 1.37 (expected at most 1.36: a policy cannot ask which "
        "release it runs in, only be served or not)");
}

TEST_CASE("an expression is as long as API servers take, and no longer") {
  CHECK(message_of(with_profile_of(kMaxExpression - 2)) == "");  // with its quotes
  CHECK(
      message_of(with_profile_of(kMaxExpression - 1)) ==
      "sandbox.seccomp.profileFile: the profile makes an expression of 100001 characters (expected "
      "at most 100000: put the profile into a ConfigMap with --param)");
}

TEST_CASE("with --param the profile is in a ConfigMap, however long it is") {
  const auto made = policies_of(with_profile_of(kMaxExpression + 1), options("ns"));
  REQUIRE(made);
  const Json& config_map = made->front();
  CHECK(config_map.at("kind") == "ConfigMap");
  CHECK(config_map.at("metadata").at("namespace") == "ns");
  CHECK(config_map.at("immutable") == true);
  CHECK(config_map.at("data").at("nsjail-seccomp.json").get<std::string>().size() ==
        kMaxExpression + 1);
  for (const Json& each : *made) {
    if (!each.contains("spec") || !each.at("spec").contains("paramRef")) continue;
    CHECK(each.at("spec").at("paramRef") == Json{{"name", config_map.at("metadata").at("name")},
                                                 {"namespace", "ns"},
                                                 {"parameterNotFoundAction", "Deny"}});
  }
  CHECK(made->at(1).at("spec").contains("paramKind"));
  CHECK(made->at(2).at("spec").contains("paramRef"));
}

TEST_CASE("--param is for profiles that are delivered by annotation") {
  CHECK(message_of(small_policy(), options("ns")) ==
        "--param: the policies hold no profile (expected sandbox.seccomp.delivery: annotation)");
}

}  // namespace
}  // namespace webhook
