#include "kube/credentials.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

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

Result<std::string> read_credential(const Credential& credential, std::size_t max_bytes) {
  if (credential.file.empty()) return credential.data;
  return try_read_file(credential.file.string(), max_bytes);
}

PemFile to_pem(const Credential& credential, const char* name, const std::string& text) {
  return {.file = credential.file.empty() ? name : credential.file.string(), .text = text};
}

std::optional<Error> trust_authorities(SSL_CTX& context, const KubeAccess& access,
                                       const std::string& pem) {
  if (access.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(&context);
    return std::nullopt;
  }
  const auto authorities =
      parse_certificates(to_pem(access.authorities, "certificate authority", pem));
  if (!authorities) return authorities.error();
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  for (const X509Ptr& each : *authorities) X509_STORE_add_cert(store, each.get());
  return std::nullopt;
}

std::optional<Error> present_certificate(SSL_CTX& context, const KubeAccess& access,
                                         const std::array<std::string, 3>& pems) {
  if (access.client_certificate.empty()) return std::nullopt;
  const auto chain =
      parse_certificates(to_pem(access.client_certificate, "client certificate", pems[1]));
  if (!chain) return chain.error();
  SSL_CTX_use_certificate(&context, chain->front().get());
  for (auto each = std::next(chain->begin()); each != chain->end(); ++each) {
    SSL_CTX_add1_chain_cert(&context, each->get());
  }
  const auto key = parse_private_key(to_pem(access.client_key, "client key", pems[2]));
  if (!key) return key.error();
  if (SSL_CTX_use_PrivateKey(&context, key->get()) == 1) return std::nullopt;
  return Error{where(access.client_key, "client key") +
               "not the client certificate's key: " + take_openssl_error()};
}

Result<std::shared_ptr<SSL_CTX>> make_context(const KubeAccess& access,
                                              const std::array<std::string, 3>& pems) {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return Error{"TLS: " + take_openssl_error()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (auto error = present_certificate(*context, access, pems)) return *error;
  // OpenSSL's default is to accept anyone.
  if (!access.verify_server) return std::shared_ptr<SSL_CTX>(std::move(context));
  if (auto error = trust_authorities(*context, access, pems[0])) return *error;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // As Go: whatever is in the bundle is trusted, be it an intermediate.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  return std::shared_ptr<SSL_CTX>(std::move(context));
}

}  // namespace

Credentials::Credentials(KubeAccess access) : access_(std::move(access)) {
  (void)value_or_throw(context());
  (void)value_or_throw(token());
}

Result<std::array<std::string, 3>> Credentials::read_pems() const {
  std::array<std::string, 3> pems;
  auto pem = pems.begin();
  for (const Credential* each :
       {&access_.authorities, &access_.client_certificate, &access_.client_key}) {
    auto text = read_credential(*each, kMaxPemBytes);
    if (!text) return text.error();
    *pem++ = std::move(*text);
  }
  return pems;
}

Result<std::shared_ptr<SSL_CTX>> Credentials::context() {
  auto pems = read_pems();
  if (!pems) return pems.error();
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr || *pems != pems_) {
    auto made = make_context(access_, *pems);
    if (!made) return made;
    context_ = std::move(*made);
    pems_ = std::move(*pems);
  }
  return context_;
}

Result<std::string> Credentials::token() const {
  if (access_.token.empty()) return std::string();
  const auto text = read_credential(access_.token, kMaxTokenBytes);
  if (!text) return text.error();
  std::string token(trim(*text));
  const bool printable = std::all_of(token.begin(), token.end(),
                                     [](char each) { return each > ' ' && each < '\x7f'; });
  if (printable && !token.empty()) return token;
  return Error{where(access_.token, "token") + "not a token (expected one word)"};
}

}  // namespace webhook
