#include "tls/context.h"

#include <doctest/doctest.h>

#include <optional>

#include "support/test_certificate.h"
#include "tls/openssl.h"

using namespace webhook;
using test::make_pair;
using test::Pair;
using test::Wish;

namespace {

TlsMaterial material_of(const Pair& pair, const Pair* client_ca = nullptr) {
  return {.certificates = {"tls.crt", pair.certificate_pem},
          .key = {"tls.key", pair.key_pem},
          .client_ca = {"ca.crt", client_ca ? client_ca->certificate_pem : ""}};
}

SslCtxPtr make_client(const Pair* pair = nullptr) {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (pair) {
    SSL_CTX_use_certificate(context.get(), pair->certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), pair->key.get());
  }
  return context;
}

struct Handshake {
  bool client_done = false;
  bool server_done = false;
  std::string version;
  std::string protocol;  ///< ALPN
  bool has_ticket = false;
};

/// A handshake over two pieces of memory.
Handshake shake_hands(SSL_CTX* client_context, SSL_CTX* server_context) {
  const SslPtr client(SSL_new(client_context));
  const SslPtr server(SSL_new(server_context));
  BIO* client_end = nullptr;
  BIO* server_end = nullptr;
  BIO_new_bio_pair(&client_end, 0, &server_end, 0);
  SSL_set_bio(client.get(), client_end, client_end);
  SSL_set_bio(server.get(), server_end, server_end);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  Handshake result;
  for (int round = 0; round < 10; ++round) {
    result.client_done = SSL_do_handshake(client.get()) == 1;
    result.server_done = SSL_do_handshake(server.get()) == 1;
  }
  char byte = 0;
  SSL_read(client.get(), &byte, 1);  // a TLS 1.3 ticket would arrive here
  result.version = SSL_get_version(client.get());
  const unsigned char* protocol = nullptr;
  unsigned int length = 0;
  SSL_get0_alpn_selected(client.get(), &protocol, &length);
  result.protocol.assign(protocol, protocol + length);
  result.has_ticket = SSL_SESSION_is_resumable(SSL_get_session(client.get())) == 1;
  return result;
}

}  // namespace

TEST_CASE("make_tls_context serves what it is given") {
  const Pair ca = make_pair({.common_name = "ca", .is_ca = true});
  const Pair pair = make_pair({.dns_names = {"hook.ns.svc"}}, &ca);
  TlsMaterial material = material_of(pair);
  material.certificates.text += ca.certificate_pem;
  const auto made = make_tls_context(material, {});
  REQUIRE(made);
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(made->context.get(), &chain);
  CHECK(sk_X509_num(chain) == 1);

  const auto now = std::chrono::system_clock::now();
  CHECK(made->is_valid_at(now));
  CHECK_FALSE(made->is_valid_at(now - std::chrono::hours(2)));
  CHECK_FALSE(made->is_valid_at(now + std::chrono::hours(24)));
  CHECK(made->is_valid_at(now + std::chrono::hours(23)));

  const auto client = make_client();
  const Handshake hands = shake_hands(client.get(), made->context.get());
  CHECK(hands.client_done);
  CHECK(hands.server_done);
  CHECK(hands.version == "TLSv1.3");
}

TEST_CASE("TLS 1.2 is offered with forward secrecy and authenticated encryption only") {
  const auto made = make_tls_context(material_of(make_pair()), {});
  REQUIRE(made);
  STACK_OF(SSL_CIPHER)* offered = SSL_CTX_get_ciphers(made->context.get());
  int of_tls12 = 0;
  for (int i = 0; i < sk_SSL_CIPHER_num(offered); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(offered, i);
    CAPTURE(SSL_CIPHER_get_name(cipher));
    CHECK(SSL_CIPHER_is_aead(cipher) == 1);
    if (std::string(SSL_CIPHER_get_version(cipher)) == "TLSv1.3") continue;
    ++of_tls12;
    CHECK(SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe);
  }
  CHECK(of_tls12 == 6);

  struct Row {
    const char* ciphers;
    bool accepted;
  };
  for (const Row& row :
       {Row{"ECDHE-ECDSA-AES128-GCM-SHA256", true}, Row{"ECDHE-ECDSA-CHACHA20-POLY1305", true},
        Row{"ECDHE-ECDSA-AES128-SHA256", false}, Row{"ECDHE-ECDSA-AES128-SHA", false},
        Row{"ECDHE-ECDSA-AES128-CCM", false}}) {
    CAPTURE(row.ciphers);
    const auto client = make_client();
    SSL_CTX_set_max_proto_version(client.get(), TLS1_2_VERSION);
    REQUIRE(SSL_CTX_set_cipher_list(client.get(), row.ciphers) == 1);
    CHECK(shake_hands(client.get(), made->context.get()).server_done == row.accepted);
  }
}

TEST_CASE("keys are agreed upon over the curves that everybody has") {
  const auto made = make_tls_context(material_of(make_pair()), {});
  REQUIRE(made);
  struct Row {
    const char* group;
    bool accepted;
  };
  for (const Row& row : {Row{"X25519", true}, Row{"P-256", true}, Row{"P-384", true},
                         Row{"P-521", false}, Row{"X448", false}, Row{"ffdhe2048", false}}) {
    CAPTURE(row.group);
    const auto client = make_client();
    REQUIRE(SSL_CTX_set1_groups_list(client.get(), row.group) == 1);
    CHECK(shake_hands(client.get(), made->context.get()).server_done == row.accepted);
  }
}

TEST_CASE("make_tls_context keeps to the version, to HTTP/1.1, and hands out no session") {
  const auto server12 = make_tls_context(material_of(make_pair()), {});
  const auto server13 =
      make_tls_context(material_of(make_pair()), {.min_version = TlsVersion::kTls13});
  REQUIRE(server12);
  REQUIRE(server13);
  const auto client = make_client();
  CHECK_FALSE(shake_hands(client.get(), server12->context.get()).has_ticket);

  SSL_CTX_set_max_proto_version(client.get(), TLS1_2_VERSION);
  const Handshake tls12 = shake_hands(client.get(), server12->context.get());
  CHECK(tls12.server_done);
  CHECK(tls12.version == "TLSv1.2");
  CHECK_FALSE(tls12.has_ticket);
  CHECK_FALSE(shake_hands(client.get(), server13->context.get()).server_done);

  SSL_CTX_set_security_level(client.get(), 0);
  SSL_CTX_set_min_proto_version(client.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client.get(), TLS1_1_VERSION);
  CHECK_FALSE(shake_hands(client.get(), server12->context.get()).server_done);

  struct Row {
    std::string offered;
    bool accepted;
    std::string selected;
  };
  for (const Row& row : {Row{"\x08http/1.1", true, "http/1.1"},
                         Row{"\x02h2\x08http/1.1", true, "http/1.1"}, Row{"\x02h2", false, ""}}) {
    CAPTURE(row.offered);
    const auto offering = make_client();
    SSL_CTX_set_alpn_protos(offering.get(),
                            reinterpret_cast<const unsigned char*>(row.offered.data()),
                            static_cast<unsigned int>(row.offered.size()));
    const Handshake hands = shake_hands(offering.get(), server12->context.get());
    CHECK(hands.server_done == row.accepted);
    if (row.accepted) CHECK(hands.protocol == row.selected);
  }
}

TEST_CASE("make_tls_context lets in clients of the CA, under one of the names") {
  const Pair ca = make_pair({.common_name = "client ca", .is_ca = true});
  const Pair other_ca = make_pair({.common_name = "other ca", .is_ca = true});
  const Pair by_common_name = make_pair({.common_name = "system:kube-apiserver"}, &ca);
  const Pair by_san = make_pair({.common_name = "x", .dns_names = {"apiserver.example"}}, &ca);
  const Pair stranger = make_pair({.common_name = "x", .dns_names = {"stranger.example"}}, &ca);
  const Pair wildcard = make_pair({.common_name = "x", .dns_names = {"*.example"}}, &ca);
  const Pair expired = make_pair({.common_name = "system:kube-apiserver",
                                  .valid_from = std::chrono::hours(-2),
                                  .expires_in = std::chrono::hours(-1)},
                                 &ca);
  const Pair of_other_ca = make_pair({.common_name = "system:kube-apiserver"}, &other_ca);

  const TlsMaterial material = material_of(make_pair(), &ca);
  const auto any_name = make_tls_context(material, {});
  const auto named =
      make_tls_context(material, {.client_names = {"system:kube-apiserver", "apiserver.example"}});
  REQUIRE(any_name);
  REQUIRE(named);
  // OpenSSL takes an empty name for none, with which every client of the CA is let in.
  for (const std::string& name : {std::string(), std::string("ot\0her", 6)}) {
    const auto nobody = make_tls_context(material, {.client_names = {name}});
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().message ==
          "server.tls.clientNames: cannot expect '" + name + "' (expected a name)");
  }

  struct Row {
    const char* who;
    const Pair* pair;
    bool with_any_name;
    bool with_names;
  };
  for (const Row& row :
       {Row{"no certificate", nullptr, false, false},
        Row{"common name", &by_common_name, true, true}, Row{"SAN", &by_san, true, true},
        Row{"stranger", &stranger, true, false}, Row{"wildcard", &wildcard, true, false},
        Row{"expired", &expired, false, false}, Row{"other CA", &of_other_ca, false, false}}) {
    CAPTURE(row.who);
    const auto client = make_client(row.pair);
    CHECK(shake_hands(client.get(), any_name->context.get()).server_done == row.with_any_name);
    CHECK(shake_hands(client.get(), named->context.get()).server_done == row.with_names);
  }
}

TEST_CASE("make_tls_context says what is wrong with the files") {
  const Pair pair = make_pair();
  const Pair other = make_pair();
  const std::string half = pair.certificate_pem.substr(0, pair.certificate_pem.size() / 2);
  const std::string half_key = pair.key_pem.substr(0, pair.key_pem.size() / 2);
  struct Row {
    std::string certificate;
    std::string key;
    std::string client_ca;
    std::string want;
  };
  for (const Row& row : {
           Row{"text", pair.key_pem, "", "tls.crt: no certificate in it (expected PEM)"},
           Row{half, pair.key_pem, "",
               "tls.crt: not a whole certificate: bad end line (expected PEM)"},
           Row{pair.certificate_pem + half, pair.key_pem, "",
               "tls.crt: not a whole certificate: bad end line (expected PEM)"},
           Row{pair.certificate_pem, half_key, "",
               "tls.key: not a private key: unsupported (expected PEM, not encrypted)"},
           Row{pair.certificate_pem, other.key_pem, "",
               "tls.key: does not fit tls.crt: key values mismatch (expected its private key)"},
           Row{pair.certificate_pem, pair.key_pem, "text",
               "ca.crt: no certificate in it (expected PEM)"},
       }) {
    const auto made = make_tls_context({.certificates = {"tls.crt", row.certificate},
                                        .key = {"tls.key", row.key},
                                        .client_ca = {"ca.crt", row.client_ca}},
                                       {});
    REQUIRE_FALSE(made);
    CHECK(made.error().message == row.want);
  }
}
