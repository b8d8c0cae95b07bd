#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace webhook {

/// A certificate and its private key, each as PEM.
struct PemPair {
  std::string certificate;
  std::string key;
};

/// What a serving certificate is for.
struct ServingNames {
  std::string common_name;  ///< For people to read; clients look at the next two.
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;  ///< IPv4 or IPv6.
};

/// The names by which a Service is reached; the API server calls webhooks as SERVICE.NS.svc.
std::vector<std::string> service_dns_names(const std::string& service, const std::string& ns);

/// Issues serving certificates. Keys are ECDSA P-256, serials random, and every validity begins an
/// hour ago, because clocks differ. All functions throw std::runtime_error.
class CertificateAuthority {
 public:
  static CertificateAuthority create(const std::string& common_name, std::chrono::days validity);

  /// Refuses a pair that does not match, has expired, or may not issue certificates.
  static CertificateAuthority load(const PemPair& pair);

  [[nodiscard]] PemPair pem() const;

  /// A new key, and a certificate for it. Refuses a validity beyond the authority's own.
  [[nodiscard]] PemPair issue(const ServingNames& names, std::chrono::days validity) const;

 private:
  CertificateAuthority(X509Ptr certificate, EvpPkeyPtr key);

  X509Ptr certificate_;
  EvpPkeyPtr key_;
};

}  // namespace webhook
