#include "tls/certificate_bundle.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "tls/openssl.h"
#include "tls/pem.h"

namespace webhook {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, OpenSslDeleter<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, OpenSslDeleter<X509_STORE_CTX_free>>;

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

std::string to_pem(X509& certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509(out.get(), &certificate) != 1) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

std::vector<Certificate> read_bundle(std::string_view pem) {
  std::vector<Certificate> certificates;
  for (;;) {
    const auto begin = pem.find(kBegin);
    const auto end = pem.find(kEnd, std::min(begin, pem.size()));
    if (begin == std::string_view::npos || end == std::string_view::npos) return certificates;
    const std::string block(pem.substr(begin, end + kEnd.size() - begin));
    pem.remove_prefix(end + kEnd.size());
    const auto parsed = parse_certificates({"bundle", block + '\n'});
    if (!parsed) continue;
    X509& x509 = *parsed->front();
    Certificate found{.pem = to_pem(x509),
                      .valid_from = to_time_point(X509_get0_notBefore(&x509)),
                      .expires_at = to_time_point(X509_get0_notAfter(&x509))};
    const bool is_new =
        std::find(certificates.begin(), certificates.end(), found) == certificates.end();
    if (is_new) certificates.push_back(std::move(found));
  }
}

std::string to_bundle(const std::vector<Certificate>& certificates) {
  std::string text;
  for (const Certificate& certificate : certificates) text += certificate.pem;
  return text;
}

bool verifies(const std::string& pem, const std::vector<Certificate>& bundle,
              const std::string& dns_name, std::chrono::system_clock::time_point now) {
  const auto leaf = parse_certificates({"certificate", pem});
  const StorePtr store(X509_STORE_new());
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (!leaf || !store || !context) return false;
  for (const Certificate& certificate : bundle) {
    const auto authority = parse_certificates({"bundle", certificate.pem});
    if (authority) X509_STORE_add_cert(store.get(), authority->front().get());
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf->front().get(), nullptr) != 1) {
    return false;
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, std::chrono::system_clock::to_time_t(now));
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
  // As Go: a root need not have signed itself, and the common name counts for nothing.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool is_expecting = X509_VERIFY_PARAM_set1_host(rules, dns_name.c_str(), 0) == 1;
  const bool is_right = is_expecting && X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  return is_right;
}

}  // namespace webhook
