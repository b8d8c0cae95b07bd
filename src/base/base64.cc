#include "base/base64.h"

#include <openssl/evp.h>

namespace webhook {

void append_base64(std::string& to, std::string_view bytes) {
  // OpenSSL counts in int, so that long input goes in parts, of whole groups of three bytes.
  constexpr std::size_t kPart = std::size_t{3} << 14U;
  const std::size_t before = to.size();
  to.resize(before + (bytes.size() + 2) / 3 * 4);
  auto* out = reinterpret_cast<unsigned char*>(to.data() + before);
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kPart);
    // It ends each part with a NUL: over the next part's place, or the string's own.
    out += EVP_EncodeBlock(out, reinterpret_cast<const unsigned char*>(part.data()),
                           static_cast<int>(part.size()));
    bytes.remove_prefix(part.size());
  }
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

}  // namespace webhook
