#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "admission/match_scope.h"
#include "base/result.h"

namespace webhook {

/// What a webhook of a MutatingWebhookConfiguration is called for, and what becomes of the pod if
/// it cannot be.
struct WebhookScope {
  std::string name;
  MatchScope scope;
  std::string conditions;     ///< CEL, which is not evaluated here; empty without any.
  bool fails_closed = true;   ///< failurePolicy Fail: without the webhook the pod is refused.
  bool has_authority = true;  ///< A caBundle, without which API servers trust no Service.
};

/// A MutatingWebhookConfiguration.
struct WebhookConfiguration {
  std::string name;
  std::string created;  ///< RFC 3339 in UTC; empty where it is not known.
  std::vector<WebhookScope> webhooks;
};

/// Reads `object`. Error: "NAME: webhooks[0].objectSelector: what is wrong (what would be right)".
Result<WebhookConfiguration> parse_webhook_configuration(const nlohmann::ordered_json& object);

/// Whether the API server calls a webhook of a configuration for the creation of a v1 Pod with
/// labels `pod` in a namespace with labels `ns`. What other webhooks do to the labels before is not
/// known here.
CallVerdict would_be_called(const WebhookConfiguration& configuration, const Labels& pod,
                            const Labels& ns);

}  // namespace webhook
