#include "admission/webhook_call.h"

#include <algorithm>
#include <utility>

#include "base/json_at.h"
#include "base/text.h"

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxName = 253;

Result<WebhookScope> parse_webhook(const Json& webhook) {
  if (!webhook.is_object()) return Error{"not a webhook (expected an object)"};
  auto scope = parse_match_scope(webhook, "rules", Called::kNo);
  if (!scope) return scope.error();
  return WebhookScope{
      .name = to_printable(string_at(webhook, "/name"), kMaxName),
      .scope = std::move(*scope),
      .conditions = to_conditions(webhook),
      .fails_closed = string_at(webhook, "/failurePolicy") != "Ignore",
      .has_authority = !string_at(webhook, "/clientConfig/caBundle").empty(),
  };
}

/// Whether one webhook is called, and why.
ScopeVerdict judge(const WebhookScope& webhook, const Labels& pod, const Labels& ns) {
  ScopeVerdict verdict = judge(webhook.scope, pod, ns);
  if (verdict.called != Called::kYes) return verdict;
  if (!webhook.conditions.empty()) {
    return {Called::kDepends, "if its matchConditions, which are not evaluated here, are true; " +
                                  webhook.conditions};
  }
  verdict.why = webhook.fails_closed ? "failurePolicy Fail: without it the pod is refused"
                                     : "failurePolicy Ignore: without it the pod is created as it "
                                       "comes, not sandboxed";
  if (!webhook.has_authority) verdict.why += "; it has no caBundle yet";
  return verdict;
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
