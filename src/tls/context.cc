#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <optional>

#include "tls/pem.h"

namespace webhook {
namespace {

// Length and name, as ALPN writes them (RFC 7301, section 3.1).
constexpr unsigned char kHttp11[] = "\x08http/1.1";

int select_http11(SSL*, const unsigned char** selected, unsigned char* length,
                  const unsigned char* offered, unsigned int offered_length, void*) {
  unsigned char* match = nullptr;
  const int found = SSL_select_next_proto(&match, length, &kHttp11[0], sizeof kHttp11 - 1, offered,
                                          offered_length);
  *selected = match;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_rules(SSL_CTX* context, TlsVersion min_version) {
  SSL_CTX_set_min_proto_version(
      context, min_version == TlsVersion::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  // Of TLS 1.2 what has forward secrecy and authenticated encryption, as TLS 1.3 always has; and
  // the curves that Mozilla's intermediate profile has (https://ssl-config.mozilla.org,
  // version 5.7).
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384");
  // What a handshake may claim for a client's certificates, which is set aside at once: see
  // kHandshakeBytes.
  SSL_CTX_set_max_cert_list(context, 16 << 10);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  // No resumption: API servers keep their connections, and a session would outlive the client CA
  // that it was accepted by.
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // An idle connection gives its 32 KiB of record buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, select_http11, nullptr);
}

std::optional<Error> set_pair(SSL_CTX* context, const TlsMaterial& material,
                              const std::vector<X509Ptr>& certificates) {
  auto key = parse_private_key(material.key);
  if (!key) return key.error();
  ERR_clear_error();
  if (SSL_CTX_use_certificate(context, certificates.front().get()) != 1) {
    return Error{material.certificates.file + ": cannot be served: " + take_openssl_error() +
                 " (expected an ECDSA P-256 or RSA 2048 certificate, or stronger)"};
  }
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    SSL_CTX_add1_chain_cert(context, certificates[i].get());
  }
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Error{material.key.file + ": does not fit " + material.certificates.file + ": " +
                 take_openssl_error() + " (expected its private key)"};
  }
  return std::nullopt;
}

std::optional<Error> ask_for_client_certificate(SSL_CTX* context, const PemFile& client_ca,
                                                const std::vector<std::string>& names) {
  const auto authorities = parse_certificates(client_ca);
  if (!authorities) return authorities.error();
  for (const X509Ptr& authority : *authorities) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
    SSL_CTX_add_client_CA(context, authority.get());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  X509_VERIFY_PARAM* rules = SSL_CTX_get0_param(context);
  // Client certificates of Kubernetes often have a common name only.
  X509_VERIFY_PARAM_set_hostflags(
      rules, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT);
  for (const std::string& name : names) {
    // OpenSSL takes an empty name for none at all, and would then let in every client of the CA.
    if (name.empty() || X509_VERIFY_PARAM_add1_host(rules, name.data(), name.size()) != 1) {
      return Error{"server.tls.clientNames: cannot expect '" + name + "' (expected a name)"};
    }
  }
  return std::nullopt;
}

}  // namespace

Result<TlsContext> make_tls_context(const TlsMaterial& material, const TlsRules& rules) {
  const auto certificates = parse_certificates(material.certificates);
  if (!certificates) return certificates.error();
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return Error{"tls: no context: " + take_openssl_error()};
  set_rules(context.get(), rules.min_version);
  if (const auto error = set_pair(context.get(), material, *certificates)) return *error;
  if (!material.client_ca.text.empty()) {
    const auto error =
        ask_for_client_certificate(context.get(), material.client_ca, rules.client_names);
    if (error) return *error;
  }
  const X509* leaf = certificates->front().get();
  return TlsContext{.context = context,
                    .valid_from = to_time_point(X509_get0_notBefore(leaf)),
                    .expires_at = to_time_point(X509_get0_notAfter(leaf))};
}

}  // namespace webhook
