#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kube/http_exchange.h"
#include "server/certificate_steps.h"

namespace webhook {

/// Names of what managed certificates are kept in, and for.
struct ManagedNames {
  std::string ns;
  std::string secret = "code-executor-webhook-ca";
  std::string service = "code-executor-webhook";
  std::string configuration = "code-executor-webhook";

  [[nodiscard]] std::string secret_path() const;
  [[nodiscard]] std::string configuration_path() const;
  /// What helps where the Secret takes no other CA, for messages.
  [[nodiscard]] std::string remedy() const;
  /// That API servers expect: SERVICE.NS.svc.
  [[nodiscard]] std::string server_name() const;
};

/// Reads the answer to a GET of the Secret. A 404 is no Secret; content that is not ours is none.
Result<AuthoritySecret> read_secret(const HttpResponse& answer, const ManagedNames& names);

/// Reads the answer to a GET of the MutatingWebhookConfiguration. Error: none of its webhooks calls
/// our Service: the caBundle of another is not ours to write.
Result<BundleState> read_configuration(const HttpResponse& answer, const ManagedNames& names);

/// What is applied to the Secret; without `resource_version` it must not exist.
std::string to_secret(const std::vector<ManagedAuthority>& authorities,
                      const std::string& resource_version, const ManagedNames& names);

/// What is applied to the configuration: the field caBundle of each webhook, and nothing else.
std::string to_configuration(const std::vector<Certificate>& certificates, const BundleState& state,
                             const ManagedNames& names);

/// The header Date of an answer. Nothing where it has none.
std::optional<WallTime> parse_http_date(const std::string& text);

}  // namespace webhook
