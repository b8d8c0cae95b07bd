#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {

/// What there is to know of a certificate without OpenSSL.
struct Certificate {
  std::string pem;  ///< As OpenSSL writes it, so that equal certificates have equal texts.
  std::chrono::system_clock::time_point valid_from;
  std::chrono::system_clock::time_point expires_at;

  friend bool operator==(const Certificate& a, const Certificate& b) { return a.pem == b.pem; }
};

/// Each certificate of a list that others can write, once. What is no certificate is passed over.
std::vector<Certificate> read_bundle(std::string_view pem);

/// The list as PEM.
std::string to_bundle(const std::vector<Certificate>& certificates);

/// True if a TLS client that trusts `bundle`, and nobody else, takes the certificate in `pem` for
/// that of `dns_name` at `now`.
bool verifies(const std::string& pem, const std::vector<Certificate>& bundle,
              const std::string& dns_name, std::chrono::system_clock::time_point now);

}  // namespace webhook
