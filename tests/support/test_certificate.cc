#include "support/test_certificate.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <stdexcept>

namespace webhook::test {
namespace {

void require(bool done) {
  if (!done) throw std::runtime_error("test certificate: " + take_openssl_error());
}

std::string take_text(BIO* bio) {
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(length)};
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

Pair make_pair(const Wish& wish, const Pair* issuer) {
  static std::atomic<long> serial{1};
  Pair pair;
  pair.key.reset(EVP_EC_gen("P-256"));
  pair.certificate.reset(X509_new());
  X509* certificate = pair.certificate.get();
  require(X509_set_version(certificate, X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate),
                  std::chrono::duration_cast<std::chrono::seconds>(wish.valid_from).count());
  X509_gmtime_adj(X509_getm_notAfter(certificate),
                  std::chrono::duration_cast<std::chrono::seconds>(wish.expires_in).count());
  X509_set_pubkey(certificate, pair.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer ? issuer->certificate.get() : certificate));
  add_extension(certificate, NID_basic_constraints, wish.is_ca ? "critical,CA:TRUE" : "CA:FALSE");
  std::string names;
  for (const std::string& name : wish.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  if (!names.empty()) add_extension(certificate, NID_subject_alt_name, names);
  require(X509_sign(certificate, issuer ? issuer->key.get() : pair.key.get(), EVP_sha256()) > 0);

  const BioPtr certificate_bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(certificate_bio.get(), certificate) == 1);
  pair.certificate_pem = take_text(certificate_bio.get());
  const BioPtr key_bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PKCS8PrivateKey(key_bio.get(), pair.key.get(), nullptr, nullptr, 0, nullptr,
                                        nullptr) == 1);
  pair.key_pem = take_text(key_bio.get());
  return pair;
}

}  // namespace webhook::test
