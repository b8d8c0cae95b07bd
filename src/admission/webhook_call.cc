#include "admission/webhook_call.h"

#include <algorithm>
#include <string_view>
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

/// k8s.io/apiserver pkg/admission/plugin/webhook/predicates/rules.
bool takes_pod_creations(const Json& rule) {
  if (!rule.is_object()) return false;
  const std::string scope = string_at(rule, "/scope");
  return (scope.empty() || scope == "*" || scope == "Namespaced") &&
         has_any(rule, "operations", {"CREATE", "*"}) && has_any(rule, "apiGroups", {"", "*"}) &&
         has_any(rule, "apiVersions", {"v1", "*"}) &&
         has_any(rule, "resources", {"pods", "*", "pods/*", "*/*"});
}

std::vector<std::string> to_conditions(const Json& webhook) {
  std::vector<std::string> conditions;
  for (const Json& condition : webhook.value("matchConditions", Json::array())) {
    conditions.push_back(to_printable(string_at(condition, "/name"), kMaxName) + ": " +
                         to_printable(string_at(condition, "/expression"), kMaxExpression));
  }
  return conditions;
}

Result<WebhookScope> parse_webhook(const Json& webhook) {
  if (!webhook.is_object()) return Error{"not a webhook (expected an object)"};
  auto namespaces = parse_label_selector(webhook.value("namespaceSelector", Json(nullptr)));
  if (!namespaces) return Error{"namespaceSelector: " + namespaces.error().message};
  auto objects = parse_label_selector(webhook.value("objectSelector", Json(nullptr)));
  if (!objects) return Error{"objectSelector: " + objects.error().message};
  const Json rules = webhook.value("rules", Json::array());
  return WebhookScope{
      .name = to_printable(string_at(webhook, "/name"), kMaxName),
      .namespaces = std::move(*namespaces),
      .objects = std::move(*objects),
      .takes_pod_creations = std::any_of(rules.begin(), rules.end(), takes_pod_creations),
      .conditions = to_conditions(webhook),
      .fails_closed = string_at(webhook, "/failurePolicy") != "Ignore",
      .has_authority = !string_at(webhook, "/clientConfig/caBundle").empty(),
  };
}

/// Whether one webhook is called, and why.
std::pair<Called, std::string> judge(const WebhookScope& webhook, const Labels& pod,
                                     const Labels& ns) {
  if (!webhook.takes_pod_creations) {
    return {Called::kNo,
            "no rule of it takes the creation of pods (expected operation CREATE of "
            "resource pods, version v1, of group \"\")"};
  }
  std::string unknown;
  for (const auto& [field, selection] : {
           std::pair{"namespaceSelector: ", select(webhook.namespaces, ns)},
           std::pair{"objectSelector: ", select(webhook.objects, pod)},
       }) {
    if (selection.selected == Selected::kNo) return {Called::kNo, field + selection.why};
    if (selection.selected == Selected::kUnknown) unknown = field + selection.why;
  }
  if (!unknown.empty()) return {Called::kDepends, unknown};
  if (!webhook.conditions.empty()) {
    std::string why = "if its matchConditions, which are not evaluated here, are true";
    for (const std::string& condition : webhook.conditions) why += "; " + condition;
    return {Called::kDepends, why};
  }
  std::string why = webhook.fails_closed ? "failurePolicy Fail: without it the pod is refused"
                                         : "failurePolicy Ignore: without it the pod is created as "
                                           "it comes, not sandboxed";
  if (!webhook.has_authority) why += "; it has no caBundle yet";
  return {Called::kYes, why};
}

}  // namespace

Result<WebhookConfiguration> parse_webhook_configuration(const Json& object) {
  WebhookConfiguration configuration{
      .name = to_printable(string_at(object, "/metadata/name"), kMaxName),
      .created = string_at(object, "/metadata/creationTimestamp"),
      .webhooks = {}};
  const Json webhooks = object.is_object() ? object.value("webhooks", Json::array()) : Json();
  for (std::size_t i = 0; i < webhooks.size(); ++i) {
    auto webhook = webhooks.is_array() ? parse_webhook(webhooks[i])
                                       : Error{"not a list (expected one of webhooks)"};
    if (!webhook) {
      return Error{configuration.name + ": webhooks[" + std::to_string(i) +
                   "]: " + webhook.error().message};
    }
    configuration.webhooks.push_back(std::move(*webhook));
  }
  return configuration;
}

std::string_view to_string(Called called) {
  switch (called) {
    case Called::kYes: return "yes";
    case Called::kDepends: return "depends";
    case Called::kNo: break;
  }
  return "no";
}

CallVerdict would_be_called(const WebhookConfiguration& configuration, const Labels& pod,
                            const Labels& ns) {
  CallVerdict verdict;
  for (const WebhookScope& webhook : configuration.webhooks) {
    auto [called, why] = judge(webhook, pod, ns);
    verdict.called = std::min(verdict.called, called);
    verdict.why.push_back(webhook.name + ": " + why);
  }
  if (verdict.why.empty()) verdict.why.emplace_back("the configuration has no webhooks");
  return verdict;
}

}  // namespace webhook
