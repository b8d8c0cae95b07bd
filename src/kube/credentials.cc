#include "kube/credentials.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/value_or_throw.h"
#include "os/file.h"
#include "tls/pem.h"

namespace webhook {
namespace {

/// "FILE: " where the credential is in one: the start of a message about it.
std::string where(const Credential& credential, const char* name) {
  return (credential.file.empty() ? name : credential.file.string()) + ": ";
}

/// No token is larger: an API server takes headers of 1 MiB in all, and most have 2 KiB.
constexpr std::size_t kMaxTokenBytes = std::size_t{64} << 10U;

std::string read_credential(const Credential& credential, std::size_t max_bytes) {
  return credential.file.empty() ? credential.data : read_file(credential.file, max_bytes);
}

PemFile to_pem(const Credential& credential, const char* name, const std::string& text) {
  return {.file = credential.file.empty() ? name : credential.file.string(), .text = text};
}

void trust_authorities(SSL_CTX& context, const KubeAccess& access, const std::string& pem) {
  if (access.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(&context);
    return;
  }
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  const auto authorities =
      value_or_throw(parse_certificates(to_pem(access.authorities, "certificate authority", pem)));
  for (const X509Ptr& each : authorities) X509_STORE_add_cert(store, each.get());
}

void present_certificate(SSL_CTX& context, const KubeAccess& access,
                         const std::array<std::string, 3>& pems) {
  if (access.client_certificate.empty()) return;
  const auto chain = value_or_throw(
      parse_certificates(to_pem(access.client_certificate, "client certificate", pems[1])));
  SSL_CTX_use_certificate(&context, chain.front().get());
  for (auto each = std::next(chain.begin()); each != chain.end(); ++each) {
    SSL_CTX_add1_chain_cert(&context, each->get());
  }
  const EvpPkeyPtr key =
      value_or_throw(parse_private_key(to_pem(access.client_key, "client key", pems[2])));
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1) {
    throw std::runtime_error(where(access.client_key, "client key") +
                             "not the client certificate's key: " + take_openssl_error());
  }
}

SslCtxPtr make_context(const KubeAccess& access, const std::array<std::string, 3>& pems) {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw std::runtime_error("TLS: " + take_openssl_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  present_certificate(*context, access, pems);
  if (!access.verify_server) return context;  // OpenSSL's default is to accept anyone
  trust_authorities(*context, access, pems[0]);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // As Go: whatever is in the bundle is trusted, be it an intermediate.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  return context;
}

}  // namespace

Credentials::Credentials(KubeAccess access) : access_(std::move(access)) {
  (void)context();
  (void)token();
}

std::shared_ptr<SSL_CTX> Credentials::context() {
  std::array<std::string, 3> pems{read_credential(access_.authorities, kMaxPemBytes),
                                  read_credential(access_.client_certificate, kMaxPemBytes),
                                  read_credential(access_.client_key, kMaxPemBytes)};
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr || pems != pems_) {
    context_ = make_context(access_, pems);
    pems_ = std::move(pems);
  }
  return context_;
}

std::string Credentials::token() const {
  if (access_.token.empty()) return {};
  const std::string text = read_credential(access_.token, kMaxTokenBytes);
  std::string token(trim(text));
  const bool printable = std::all_of(token.begin(), token.end(),
                                     [](char each) { return each > ' ' && each < '\x7f'; });
  if (token.empty() || !printable) {
    throw std::runtime_error(where(access_.token, "token") + "not a token (expected one word)");
  }
  return token;
}

}  // namespace webhook
