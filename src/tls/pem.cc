#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace webhook {
namespace {

BioPtr open(const PemFile& pem) {
  return BioPtr(BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())));
}

}  // namespace

Result<std::vector<X509Ptr>> parse_certificates(const PemFile& pem) {
  ERR_clear_error();
  const BioPtr bio = open(pem);
  std::vector<X509Ptr> certificates;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  // Every list ends in "no start line"; any other error is a damaged certificate.
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string why = take_openssl_error();
  if (!is_at_end) return Error{pem.file + ": not a whole certificate: " + why + " (expected PEM)"};
  if (certificates.empty()) return Error{pem.file + ": no certificate in it (expected PEM)"};
  return certificates;
}

Result<EvpPkeyPtr> parse_private_key(const PemFile& pem) {
  ERR_clear_error();
  // Without a callback OpenSSL asks the terminal for the password of an encrypted key.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  EvpPkeyPtr key(PEM_read_bio_PrivateKey(open(pem).get(), nullptr, no_password, nullptr));
  if (!key) {
    return Error{pem.file + ": not a private key: " + take_openssl_error() +
                 " (expected PEM, not encrypted)"};
  }
  return key;
}

}  // namespace webhook
