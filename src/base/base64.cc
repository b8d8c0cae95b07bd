#include "base/base64.h"

#include <cstdint>

namespace webhook {

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  std::size_t out = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    text[out++] = kAlphabet[group >> 18U];
    text[out++] = kAlphabet[group >> 12U & 63U];
    text[out] = i + 1 < bytes.size() ? kAlphabet[group >> 6U & 63U] : '=';
    text[out + 1] = i + 2 < bytes.size() ? kAlphabet[group & 63U] : '=';
    out += 2;
  }
  return text;
}

}  // namespace webhook
