#include "tls/openssl.h"

#include <openssl/err.h>

#include <array>
#include <ctime>
#include <stdexcept>

#include "tls/wall_time.h"

namespace webhook {

std::string take_openssl_error() {
  const unsigned long oldest = ERR_get_error();
  ERR_clear_error();
  const char* reason = oldest == 0 ? nullptr : ERR_reason_error_string(oldest);
  return reason == nullptr ? "unknown error" : reason;
}

std::chrono::system_clock::time_point to_time_point(const ASN1_TIME* time) {
  std::tm utc{};
  if (ASN1_TIME_to_tm(time, &utc) != 1) return {};
  return to_wall_time(::timegm(&utc));
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("sha256: " + take_openssl_error());
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kHex[digest[i] >> 4U];
    hex += kHex[digest[i] & 0xFU];
  }
  return hex;
}

}  // namespace webhook
