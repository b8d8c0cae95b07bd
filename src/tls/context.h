#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "base/result.h"
#include "tls/pem_file.h"

namespace webhook {

enum class TlsVersion { kTls12, kTls13 };

/// What a serving context is made of.
struct TlsMaterial {
  PemFile certificates;  ///< The serving certificate, then its intermediates.
  PemFile key;
  PemFile client_ca;  ///< Without text: clients need no certificate.

  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

struct TlsRules {
  TlsVersion min_version = TlsVersion::kTls12;
  /// A client's certificate must have one of these as a SAN or as its common name, exactly. Empty:
  /// any certificate of the client CA is accepted.
  std::vector<std::string> client_names = {};
};

/// A context that serves HTTP/1.1 over TLS, and the time its certificate is valid.
struct TlsContext {
  std::shared_ptr<SSL_CTX> context;
  std::chrono::system_clock::time_point valid_from;
  std::chrono::system_clock::time_point expires_at;

  [[nodiscard]] bool is_valid_at(std::chrono::system_clock::time_point now) const {
    return valid_from <= now && now < expires_at;
  }
};

/// Error: text that is not PEM, is empty or cut short, or a key that does not fit the certificate.
Result<TlsContext> make_tls_context(const TlsMaterial& material, const TlsRules& rules);

}  // namespace webhook
