#include "yaml/json_escapes.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace webhook {
namespace {

constexpr std::size_t kEscape = 6;  // "\ud83d"

/// The code unit that the escape at the beginning of `text` stands for; zero where there is none.
std::uint32_t code_unit(std::string_view text) {
  if (text.size() < kEscape || !text.starts_with("\\u")) return 0;
  return static_cast<std::uint32_t>(
      std::strtoul(std::string(text.substr(2, kEscape - 2)).c_str(), nullptr, 16));
}

bool begins_pair(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }

/// Of a character beyond U+FFFF.
void append_utf8(std::string& to, std::uint32_t character) {
  to += static_cast<char>(0xF0U | (character >> 18U));
  for (const unsigned shift : {12U, 6U, 0U}) {
    to += static_cast<char>(0x80U | ((character >> shift) & 0x3FU));
  }
}

}  // namespace

std::optional<std::string> with_pairs_decoded(const std::string& text) {
  const bool may_have_pairs =
      text.find("\\ud") != std::string::npos || text.find("\\uD") != std::string::npos;
  // In JSON a backslash stands in a string, begins an escape, and halves stand in pairs only.
  if (!may_have_pairs || !nlohmann::json::accept(text)) return std::nullopt;
  std::string decoded;
  std::size_t missing = 0;  // columns, which spaces behind the string make up for
  bool is_in_string = false;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::uint32_t unit = code_unit(rest);
    std::size_t length = rest.front() == '\\' ? 2 : 1;
    if (begins_pair(unit)) {
      const std::uint32_t second = code_unit(rest.substr(kEscape));
      append_utf8(decoded, 0x10000 + ((unit - 0xD800) << 10U) + (second - 0xDC00));
      length = 2 * kEscape;
      missing += length - 1;
    } else {
      decoded += rest.substr(0, length);
    }
    if (rest.front() == '"') {
      is_in_string = !is_in_string;
      if (!is_in_string) decoded.append(std::exchange(missing, 0), ' ');
    }
    rest.remove_prefix(length);
  }
  return decoded;
}

}  // namespace webhook
