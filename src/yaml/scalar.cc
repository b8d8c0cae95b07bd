#include "yaml/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <regex>
#include <string_view>

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

template <std::size_t Size>
bool is_one_of(std::string_view text, const std::array<std::string_view, Size>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> kTrue{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                 "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse{"n",     "N",     "no",  "No",  "NO", "false",
                                                  "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 12> kNoJson{".nan",  ".NaN",  ".NAN",  ".inf",
                                                   ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                   "+.INF", "-.inf", "-.Inf", "-.INF"};

/// strconv.ParseInt with base 0: "0x1F", "0b1", "0o17", and "017", which is octal too.
std::optional<Json> parse_integer(std::string_view digits) {
  const bool is_negative = digits.starts_with('-');
  if (is_negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char mark = static_cast<char>(digits[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    digits.remove_prefix(base != 8 || mark == 'o' ? 2 : 1);
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (!is_negative) return Json(magnitude);
  if (magnitude > std::uint64_t{1} << 63U) return std::nullopt;
  return Json(static_cast<std::int64_t>(0 - magnitude));
}

}  // namespace

std::optional<Json> resolve_scalar(const std::string& text) {
  if (is_one_of(text, kNull)) return Json(nullptr);
  if (is_one_of(text, kTrue)) return Json(true);
  if (is_one_of(text, kFalse)) return Json(false);
  if (is_one_of(text, kNoJson)) return std::nullopt;
  const bool may_be_number =
      std::string_view("+-.0123456789").find(text.front()) != std::string::npos;
  if (!may_be_number || text.size() > 64) return Json(text);
  std::string digits = text;
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  if (auto integer = parse_integer(digits)) return integer;
  static const std::regex kFloat(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  if (!std::regex_match(digits, kFloat)) return Json(text);
  const double number = std::strtod(digits.c_str(), nullptr);
  if (!std::isfinite(number)) return std::nullopt;
  return Json(number);
}

}  // namespace webhook
