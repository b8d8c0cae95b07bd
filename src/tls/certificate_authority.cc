#include "tls/certificate_authority.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "tls/pem.h"

namespace webhook {
namespace {

using BignumPtr = std::unique_ptr<BIGNUM, OpenSslDeleter<BN_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpenSslDeleter<X509_EXTENSION_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, OpenSslDeleter<GENERAL_NAME_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpenSslDeleter<GENERAL_NAMES_free>>;

using Clock = std::chrono::system_clock;

constexpr std::time_t kBackdateSeconds = 3600;
constexpr int kSerialBits = 127;  // positive in 16 bytes; RFC 5280, 4.1.2.2 allows 20

/// Throws unless `step` worked.
void ensure(bool worked, const std::string& step) {
  if (!worked) throw std::runtime_error(step + ": " + take_openssl_error());
}

template <class Pointer>
Pointer made(Pointer object, const std::string& step) {
  if (!object) throw std::runtime_error(step + ": " + take_openssl_error());
  return object;
}

EvpPkeyPtr make_key() { return made(EvpPkeyPtr(EVP_EC_gen("P-256")), "key"); }

void add_extension(X509& certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, &certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_nconf_nid(nullptr, &context, nid, value));
  ensure(extension && X509_add_ext(&certificate, extension.get(), -1) == 1, OBJ_nid2sn(nid));
}

/// Adds each name as it is: in OpenSSL's text form a comma would separate names.
void add_names(X509& certificate, const ServingNames& names) {
  const GeneralNamesPtr list = made(GeneralNamesPtr(GENERAL_NAMES_new()), "names");
  const auto add = [&](int type, const std::string& name) {
    auto entry = made(
        GeneralNamePtr(a2i_GENERAL_NAME(nullptr, nullptr, nullptr, type, name.c_str(), 0)), name);
    ensure(sk_GENERAL_NAME_push(list.get(), entry.get()) > 0, name);
    (void)entry.release();  // the list has it now
  };
  for (const auto& name : names.dns_names) add(GEN_DNS, name);
  for (const auto& address : names.addresses) add(GEN_IPADD, address);
  ensure(
      X509_add1_ext_i2d(&certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) == 1,
      "subjectAltName");
}

/// A certificate for `key` without extensions, issuer and signature.
X509Ptr begin_certificate(const std::string& common_name, EVP_PKEY& key, Validity validity) {
  X509Ptr certificate = made(X509Ptr(X509_new()), "certificate");
  ensure(X509_set_version(certificate.get(), X509_VERSION_3), "version");
  const BignumPtr serial = made(BignumPtr(BN_new()), "serial");
  ensure(BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY), "serial");
  ensure(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())), "serial");
  const auto begin = Clock::to_time_t(validity.issued_at) - kBackdateSeconds;
  const auto end = Clock::to_time_t(validity.issued_at + validity.life);
  ensure(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), begin), "validity");
  ensure(ASN1_TIME_set(X509_getm_notAfter(certificate.get()), end), "validity");
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const auto* name = reinterpret_cast<const unsigned char*>(common_name.c_str());
  ensure(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, name, -1, -1, 0),
         "common name '" + common_name + '\'');
  ensure(X509_set_pubkey(certificate.get(), &key), "key");
  return certificate;
}

std::string take_text(const BioPtr& bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

PemPair to_pem(X509& certificate, EVP_PKEY& key) {
  const BioPtr certificate_out(BIO_new(BIO_s_mem()));
  const BioPtr key_out(BIO_new(BIO_s_secmem()));
  ensure(PEM_write_bio_X509(certificate_out.get(), &certificate), "certificate");
  ensure(PEM_write_bio_PKCS8PrivateKey(key_out.get(), &key, nullptr, nullptr, 0, nullptr, nullptr),
         "key");
  return {take_text(certificate_out), take_text(key_out)};
}

/// "Nov 23 20:10:00 2036 GMT".
std::string to_text(const ASN1_TIME* time) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  ensure(ASN1_TIME_print(out.get(), time), "time");
  return take_text(out);
}

}  // namespace

std::vector<std::string> service_dns_names(const std::string& service, const std::string& ns) {
  const std::string in_namespace = service + '.' + ns;
  return {service, in_namespace, in_namespace + ".svc", in_namespace + ".svc.cluster.local"};
}

CertificateAuthority::CertificateAuthority(X509Ptr certificate, EvpPkeyPtr key)
    : certificate_(std::move(certificate)), key_(std::move(key)) {}

CertificateAuthority CertificateAuthority::create(const std::string& common_name,
                                                  Validity validity) {
  EvpPkeyPtr key = make_key();
  X509Ptr certificate = begin_certificate(common_name, *key, validity);
  ensure(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())),
         "issuer");
  add_extension(*certificate, certificate.get(), NID_basic_constraints,
                "critical,CA:TRUE,pathlen:0");
  add_extension(*certificate, certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(*certificate, certificate.get(), NID_subject_key_identifier, "hash");
  // With it a client that trusts many CAs of one name finds the right one: Go tries 100 signatures.
  add_extension(*certificate, certificate.get(), NID_authority_key_identifier, "keyid:always");
  ensure(X509_sign(certificate.get(), key.get(), EVP_sha256()), "signature");
  return {std::move(certificate), std::move(key)};
}

CertificateAuthority CertificateAuthority::load(const PemPair& pair, Clock::time_point now) {
  auto certificates = parse_certificates({"certificate", pair.certificate});
  if (!certificates) throw std::runtime_error(certificates.error().message);
  auto parsed_key = parse_private_key({"key", pair.key});
  if (!parsed_key) throw std::runtime_error(parsed_key.error().message);
  X509Ptr certificate = std::move(certificates->front());
  EvpPkeyPtr key = std::move(*parsed_key);
  ensure(X509_check_private_key(certificate.get(), key.get()), "the key is not the certificate's");
  if (X509_check_ca(certificate.get()) != 1) {
    throw std::runtime_error("not a CA (expected a certificate with CA:TRUE)");
  }
  std::time_t seconds = Clock::to_time_t(now);
  if (X509_cmp_time(X509_get0_notAfter(certificate.get()), &seconds) < 0) {
    throw std::runtime_error("the CA has expired: " +
                             to_text(X509_get0_notAfter(certificate.get())));
  }
  return {std::move(certificate), std::move(key)};
}

PemPair CertificateAuthority::pem() const { return to_pem(*certificate_, *key_); }

bool CertificateAuthority::has_our_kind_of_key() const {
  std::array<char, 32> group{};
  return EVP_PKEY_get_group_name(key_.get(), group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == "prime256v1";
}

PemPair CertificateAuthority::issue(const ServingNames& names, Validity validity) const {
  const EvpPkeyPtr key = make_key();
  const X509Ptr certificate = begin_certificate(names.common_name, *key, validity);
  const ASN1_TIME* last = X509_get0_notAfter(certificate_.get());
  if (ASN1_TIME_compare(X509_get0_notAfter(certificate.get()), last) > 0) {
    const auto days = std::chrono::duration_cast<std::chrono::days>(validity.life).count();
    throw std::runtime_error("a certificate of " + std::to_string(days) +
                             " days would outlive its CA, which expires " + to_text(last));
  }
  ensure(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get())),
         "issuer");
  add_extension(*certificate, certificate_.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(*certificate, certificate_.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(*certificate, certificate_.get(), NID_ext_key_usage, "serverAuth");
  add_extension(*certificate, certificate_.get(), NID_subject_key_identifier, "hash");
  add_extension(*certificate, certificate_.get(), NID_authority_key_identifier, "keyid:always");
  add_names(*certificate, names);
  ensure(X509_sign(certificate.get(), key_.get(), EVP_sha256()), "signature");
  return to_pem(*certificate, *key);
}

}  // namespace webhook
