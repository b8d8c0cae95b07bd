#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace webhook {

/// Frees an OpenSSL object with the function OpenSSL documents for its type.
template <auto Free>
struct OpenSslDeleter {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, OpenSslDeleter<BIO_free_all>>;
using EvpPkeyPtr = std::unique_ptr<EVP_PKEY, OpenSslDeleter<EVP_PKEY_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, OpenSslDeleter<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpenSslDeleter<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, OpenSslDeleter<X509_free>>;

/// Empties OpenSSL's error queue of this thread and returns its oldest reason, or "unknown error".
std::string take_openssl_error();

/// Of 1970 to 2200. 1970 for what is no time, so that such a certificate has expired.
std::chrono::system_clock::time_point to_time_point(const ASN1_TIME* time);

/// The sha256 of `bytes` in lower-case hex, as sha256sum prints it.
std::string sha256_hex(std::string_view bytes);

}  // namespace webhook
