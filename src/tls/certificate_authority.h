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

/// How long a certificate is for, from when it is issued. It begins an hour before, because clocks
/// differ.
struct Validity {
  // Implicit: most are issued now.
  template <class Rep, class Period>
  // NOLINTNEXTLINE(google-explicit-constructor)
  Validity(std::chrono::duration<Rep, Period> for_life,
           std::chrono::system_clock::time_point issued = std::chrono::system_clock::now())
      : life(std::chrono::floor<std::chrono::seconds>(for_life)), issued_at(issued) {}

  std::chrono::seconds life;
  std::chrono::system_clock::time_point issued_at;
};

/// Issues serving certificates. Keys are ECDSA P-256 and serials random. All functions throw
/// std::runtime_error.
class CertificateAuthority {
 public:
  static CertificateAuthority create(const std::string& common_name, Validity validity);

  /// Refuses a pair that does not match, has expired, or may not issue certificates.
  static CertificateAuthority load(const PemPair& pair, std::chrono::system_clock::time_point now =
                                                            std::chrono::system_clock::now());

  [[nodiscard]] PemPair pem() const;

  /// ECDSA P-256, as create() makes it.
  [[nodiscard]] bool has_our_kind_of_key() const;

  /// A new key, and a certificate for it. Refuses a validity beyond the authority's own.
  [[nodiscard]] PemPair issue(const ServingNames& names, Validity validity) const;

 private:
  CertificateAuthority(X509Ptr certificate, EvpPkeyPtr key);

  X509Ptr certificate_;
  EvpPkeyPtr key_;
};

}  // namespace webhook
