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

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  // OpenSSL counts in int, as above.
  constexpr std::size_t kPart = std::size_t{4} << 14U;
  for (std::size_t at = 0; at < text.size(); at += kPart) {
    const std::string_view part = text.substr(at, kPart);
    const int written = EVP_DecodeBlock(out, reinterpret_cast<const unsigned char*>(part.data()),
                                        static_cast<int>(part.size()));
    if (written < 0 || static_cast<std::size_t>(written) != part.size() / 4 * 3)
      return std::nullopt;
    out += written;
  }
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(bytes.size() - padding);
  // OpenSSL takes blanks around it, and bits that stand for nothing.
  if (to_base64(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace webhook
