#include "tls/certificate_authority.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <string>

namespace webhook {
namespace {

using std::chrono::days;

X509Ptr parse(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

/// OpenSSL's verdict on `certificate`, for a client that trusts `authority` and checks strictly.
int verify(X509* certificate, X509* authority) {
  const std::unique_ptr<X509_STORE, OpenSslDeleter<X509_STORE_free>> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), authority);
  X509_STORE_set_flags(store.get(), X509_V_FLAG_X509_STRICT);
  X509_STORE_set_purpose(store.get(), X509_PURPOSE_SSL_SERVER);
  const std::unique_ptr<X509_STORE_CTX, OpenSslDeleter<X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

long seconds_from_now(const ASN1_TIME* time) {
  int whole_days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&whole_days, &seconds, nullptr, time);
  return whole_days * 86'400L + seconds;
}

template <class Call>
std::string message_of(const Call& call) {
  try {
    (void)call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

const ServingNames kNames{"webhook", {"webhook.ns.svc", "*.example.com"}, {"127.0.0.1", "::1"}};

TEST_CASE("a Service has four names") {
  CHECK((service_dns_names("hook", "ns") ==
         std::vector<std::string>{"hook", "hook.ns", "hook.ns.svc", "hook.ns.svc.cluster.local"}));
}

TEST_CASE("an issued certificate is what a strict TLS client accepts for its names, and no other") {
  const auto authority = CertificateAuthority::create("CA", days(2));
  const X509Ptr root = parse(authority.pem().certificate);
  const X509Ptr leaf = parse(authority.issue(kNames, days(1)).certificate);
  CHECK(verify(leaf.get(), root.get()) == X509_V_OK);
  CHECK(verify(root.get(), root.get()) != X509_V_OK);  // a CA does not serve

  CHECK(X509_check_host(leaf.get(), "webhook.ns.svc", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(leaf.get(), "a.example.com", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(leaf.get(), "webhook", 0, 0, nullptr) == 0);  // only a common name
  CHECK(X509_check_ip_asc(leaf.get(), "127.0.0.1", 0) == 1);
  CHECK(X509_check_ip_asc(leaf.get(), "::1", 0) == 1);
  CHECK(X509_check_ip_asc(leaf.get(), "127.0.0.2", 0) == 0);
}

TEST_CASE("extensions say what each certificate may be used for, RFC 5280 4.2.1") {
  const auto authority = CertificateAuthority::create("CA", days(2));
  const X509Ptr root = parse(authority.pem().certificate);
  const X509Ptr leaf = parse(authority.issue(kNames, days(1)).certificate);

  CHECK(X509_check_ca(root.get()) == 1);
  CHECK(X509_get_pathlen(root.get()) == 0);
  CHECK(X509_get_key_usage(root.get()) == (KU_KEY_CERT_SIGN | KU_CRL_SIGN));
  CHECK(X509_check_ca(leaf.get()) == 0);
  CHECK(X509_get_key_usage(leaf.get()) == KU_DIGITAL_SIGNATURE);
  CHECK(X509_get_extended_key_usage(leaf.get()) == XKU_SSL_SERVER);
  CHECK(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf.get()),
                              X509_get0_subject_key_id(root.get())) == 0);
  for (X509* each : {root.get(), leaf.get()}) {
    for (const int nid : {NID_basic_constraints, NID_key_usage}) {
      const int at = X509_get_ext_by_NID(each, nid, -1);
      REQUIRE(at >= 0);
      CHECK(X509_EXTENSION_get_critical(X509_get_ext(each, at)) == 1);
    }
    CHECK(EVP_PKEY_get_bits(X509_get0_pubkey(each)) == 256);
    CHECK(X509_get_version(each) == X509_VERSION_3);
  }
}

TEST_CASE("validity begins an hour ago; serials and keys are never the same") {
  const auto authority = CertificateAuthority::create("CA", days(30));
  const X509Ptr first = parse(authority.issue(kNames, days(7)).certificate);
  const X509Ptr second = parse(authority.issue(kNames, days(7)).certificate);
  const X509Ptr root = parse(authority.pem().certificate);
  CHECK(std::abs(seconds_from_now(X509_get0_notBefore(first.get())) + 3600) < 60);
  CHECK(std::abs(seconds_from_now(X509_get0_notBefore(root.get())) + 3600) < 60);
  CHECK(std::abs(seconds_from_now(X509_get0_notAfter(first.get())) - 7 * 86'400) < 60);
  CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(first.get()),
                         X509_get0_serialNumber(second.get())) != 0);
  CHECK(EVP_PKEY_eq(X509_get0_pubkey(first.get()), X509_get0_pubkey(second.get())) == 0);
}

TEST_CASE("a CA that was written down issues again") {
  const PemPair written = CertificateAuthority::create("CA", days(2)).pem();
  const auto loaded = CertificateAuthority::load(written);
  CHECK(loaded.pem().certificate == written.certificate);
  const X509Ptr root = parse(written.certificate);
  CHECK(verify(parse(loaded.issue(kNames, days(1)).certificate).get(), root.get()) == X509_V_OK);
}

TEST_CASE("load refuses what cannot issue certificates") {
  const auto authority = CertificateAuthority::create("CA", days(2));
  const PemPair good = authority.pem();
  const PemPair other = CertificateAuthority::create("CA", days(2)).pem();
  const PemPair leaf = authority.issue(kNames, days(1));
  struct Row {
    PemPair pair;
    std::string why;
  };
  for (const Row& row : {
           Row{{"", good.key}, "certificate: no certificate in it (expected PEM)"},
           Row{{good.certificate, "x"}, "key: not a private key: "},
           Row{{good.certificate, other.key}, "the key is not the certificate's: "},
           Row{leaf, "not a CA (expected a certificate with CA:TRUE)"},
       }) {
    CAPTURE(row.why);
    const std::string message = message_of([&] { return CertificateAuthority::load(row.pair); });
    CHECK(message.substr(0, row.why.size()) == row.why);
  }
}

TEST_CASE("issue refuses to outlive the CA, and names that are none") {
  const auto authority = CertificateAuthority::create("CA", days(2));
  CHECK(message_of([&] {
          return authority.issue(kNames, days(3));
        }).starts_with("a certificate of 3 days would outlive its CA, which expires "));
  CHECK(message_of([&] {
          return authority.issue({"webhook", {}, {"not an address"}}, days(1));
        }).starts_with("not an address: "));
}

}  // namespace
}  // namespace webhook
