#include "kube/credentials.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>
#include <vector>

#include "os/file.h"

namespace webhook {
namespace {

/// "FILE: " where the credential is in one: the start of a message about it.
std::string where(const Credential& credential, const char* name) {
  return (credential.file.empty() ? name : credential.file.string()) + ": ";
}

std::string read_credential(const Credential& credential) {
  return credential.file.empty() ? credential.data : read_file(credential.file);
}

BioPtr open_pem(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

/// `where` and `name` stand in messages.
std::vector<X509Ptr> read_certificates(const std::string& pem, const std::string& where,
                                       const char* name) {
  const BioPtr bio = open_pem(pem);
  std::vector<X509Ptr> certificates;
  ERR_clear_error();
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(next);
  }
  // Every list ends in "no start line"; any other error is a damaged certificate.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = take_openssl_error();
  if (certificates.empty() || !at_end) {
    throw std::runtime_error(where + "no " + name + " (expected PEM): " + reason);
  }
  return certificates;
}

void trust_authorities(SSL_CTX& context, const KubeAccess& access, const std::string& pem) {
  if (access.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(&context);
    return;
  }
  constexpr const char* kName = "certificate authority";
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  for (const X509Ptr& each : read_certificates(pem, where(access.authorities, kName), kName)) {
    X509_STORE_add_cert(store, each.get());
  }
}

void present_certificate(SSL_CTX& context, const KubeAccess& access,
                         const std::array<std::string, 3>& pems) {
  if (access.client_certificate.empty()) return;
  constexpr const char* kName = "client certificate";
  auto chain = read_certificates(pems[1], where(access.client_certificate, kName), kName);
  SSL_CTX_use_certificate(&context, chain.front().get());
  for (auto each = std::next(chain.begin()); each != chain.end(); ++each) {
    SSL_CTX_add1_chain_cert(&context, each->get());
  }
  const BioPtr bio = open_pem(pems[2]);
  // An empty passphrase, lest OpenSSL asks for one on the terminal.
  char no_passphrase[] = "";
  const EvpPkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_passphrase));
  if (!key || SSL_CTX_use_PrivateKey(&context, key.get()) != 1) {
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
  std::array<std::string, 3> pems{read_credential(access_.authorities),
                                  read_credential(access_.client_certificate),
                                  read_credential(access_.client_key)};
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr || pems != pems_) {
    context_ = make_context(access_, pems);
    pems_ = std::move(pems);
  }
  return context_;
}

std::string Credentials::token() const {
  if (access_.token.empty()) return {};
  std::string token = read_credential(access_.token);
  const auto end = token.find_last_not_of(" \t\r\n");
  token.resize(end == std::string::npos ? 0 : end + 1);
  const bool printable = std::all_of(token.begin(), token.end(),
                                     [](char each) { return each > ' ' && each < '\x7f'; });
  if (token.empty() || !printable) {
    throw std::runtime_error(where(access_.token, "token") + "not a token (expected one word)");
  }
  return token;
}

}  // namespace webhook
