#include "cel/literal.h"

#include <array>
#include <cstdio>
#include <set>

namespace webhook {
namespace {

using Json = nlohmann::json;

std::string to_escape(char32_t code_point) {
  std::array<char, 11> text{};
  std::snprintf(text.data(), text.size(), code_point < 0x10000 ? "\\u%04x" : "\\U%08x",
                static_cast<unsigned>(code_point));
  return text.data();
}

/// The code point at the start of `text`, which is UTF-8 from nlohmann; its bytes are taken off.
char32_t take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t size = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  char32_t code_point = size == 1 ? byte(0) : byte(0) & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) code_point = (code_point << 6U) | (byte(i) & 0x3fU);
  text.remove_prefix(size);
  return code_point;
}

/// The same for values that CEL gives the same type.
std::string to_kind(const Json& value) {
  if (!value.is_structured()) return value.is_number() ? "number" : value.type_name();
  std::set<std::string> kinds;
  for (const Json& each : value) kinds.insert(to_kind(each));
  std::string kind = value.is_object() ? "{" : "[";
  for (const std::string& each : kinds) kind.append(each).append("|");
  return kind;
}

std::string to_element(const Json& value, bool is_mixed) {
  return is_mixed ? "dyn(" + to_cel(value) + ')' : to_cel(value);
}

}  // namespace

std::string to_cel_string(std::string_view text) {
  // Printed and read back, so that it is UTF-8.
  const std::string printed =
      Json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto valid = Json::parse(printed).get<std::string>();
  const char quote = valid.find('\'') == std::string::npos ? '\'' : '"';
  std::string literal(1, quote);
  for (std::string_view rest = valid; !rest.empty();) {
    const char32_t c = take_code_point(rest);
    if (c == '\n') {
      literal += "\\n";
    } else if (c == static_cast<char32_t>(quote) || c == '\\') {
      literal.append(1, '\\').append(1, static_cast<char>(c));
    } else if (c >= ' ' && c <= '~') {
      literal += static_cast<char>(c);
    } else {
      literal += to_escape(c);
    }
  }
  return literal + quote;
}

std::string to_cel(const Json& value) {
  if (value.is_string()) return to_cel_string(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value.dump();
  std::set<std::string> kinds;
  for (const Json& each : value) kinds.insert(to_kind(each));
  std::string literal;
  for (const auto& [key, each] : value.items()) {
    if (!literal.empty()) literal += ", ";
    if (value.is_object()) literal += to_cel_string(key) + ": ";
    literal += to_element(each, kinds.size() > 1);
  }
  return value.is_object() ? '{' + literal + '}' : '[' + literal + ']';
}

}  // namespace webhook
