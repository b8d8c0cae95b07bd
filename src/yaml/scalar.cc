#include "yaml/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
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

/// strconv.ParseInt and ParseUint with base 0: "0x1F", "0b1", "0o17", and "017", which is octal
/// too. Base 0 finds the base by the prefix. ParseUint, for what ParseInt has no room for, takes no
/// sign.
std::optional<Json> parse_integer(std::string_view digits, int base) {
  const bool has_sign = digits.starts_with('-') || digits.starts_with('+');
  const bool is_negative = digits.starts_with('-');
  if (has_sign) digits.remove_prefix(1);
  if (base == 0) {
    base = 10;
    if (digits.size() > 1 && digits[0] == '0') {
      const char mark = static_cast<char>(digits[1] | 0x20);
      base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
      digits.remove_prefix(base != 8 || mark == 'o' ? 2 : 1);
    }
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  constexpr std::uint64_t kLeast = std::uint64_t{1} << 63U;
  if (magnitude >= kLeast && has_sign && !(is_negative && magnitude == kLeast)) return std::nullopt;
  if (!is_negative) return Json(magnitude);
  return Json(static_cast<std::int64_t>(0 - magnitude));
}

/// True for [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool is_float(std::string_view text) {
  const auto skip = [&text](std::string_view characters) {
    const std::size_t length = std::min(text.find_first_not_of(characters), text.size());
    text.remove_prefix(length);
    return length;
  };
  const auto skip_one = [&text](std::string_view characters) {
    const bool is_there = !text.empty() && characters.find(text.front()) != std::string::npos;
    if (is_there) text.remove_prefix(1);
    return is_there;
  };
  constexpr std::string_view kDigits = "0123456789";
  skip_one("+-");
  const bool has_whole = skip(kDigits) != 0;
  const bool has_point = skip_one(".");
  const bool has_fraction = has_point && skip(kDigits) != 0;
  if (!has_whole && !has_fraction) return false;
  if (skip_one("eE")) {
    skip_one("+-");
    if (skip(kDigits) == 0) return false;
  }
  return text.empty();
}

/// True where each "_" stands between two digits, as in Go's own numbers.
bool separates_digits(std::string_view text) {
  const auto is_digit = [&](std::size_t at) {
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
  };
  for (std::size_t at = text.find('_'); at != std::string::npos; at = text.find('_', at + 1)) {
    if (!is_digit(at - 1) || !is_digit(at + 1)) return false;
  }
  return true;
}

}  // namespace

std::optional<Json> resolve_scalar(const std::string& text) {
  if (is_one_of(text, kNull)) return Json(nullptr);
  if (is_one_of(text, kTrue)) return Json(true);
  if (is_one_of(text, kFalse)) return Json(false);
  if (is_one_of(text, kNoJson)) return std::nullopt;
  if (std::string_view("+-.0123456789").find(text.front()) == std::string::npos) return Json(text);
  std::string digits = text;
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  if (text.front() == '.') {
    if (!separates_digits(text)) return Json(text);
  } else if (auto integer = parse_integer(digits, 0)) {
    return integer;
  }
  if (is_float(digits)) {
    const double number = std::strtod(digits.c_str(), nullptr);
    if (!std::isfinite(number)) return std::nullopt;
    return Json(number);
  }
  if (digits.starts_with("0b")) {  // "0b-1"
    if (auto integer = parse_integer(std::string_view(digits).substr(2), 2)) return integer;
  }
  return Json(text);
}

std::optional<std::string> to_key(const Json& scalar) {
  if (scalar.is_string()) return scalar.get<std::string>();
  if (scalar.is_boolean()) return scalar.get<bool>() ? "true" : "false";
  if (scalar.is_number_integer()) {
    const bool is_int64 = !scalar.is_number_unsigned() || scalar.get<std::uint64_t>() <= INT64_MAX;
    return is_int64 ? std::optional(scalar.dump()) : std::nullopt;
  }
  if (!scalar.is_number_float()) return std::nullopt;
  // strconv.FormatFloat(number, 'g', -1, 32).
  const auto number = static_cast<float>(scalar.get<double>());
  if (!std::isfinite(number)) return std::nullopt;
  std::array<char, 64> text{};
  const auto print = [&](std::chars_format format) {
    return std::string(text.data(),
                       std::to_chars(text.data(), text.data() + text.size(), number, format).ptr);
  };
  const std::string with_exponent = print(std::chars_format::scientific);
  const int exponent = std::atoi(with_exponent.c_str() + with_exponent.find('e') + 1);
  return exponent < -4 || exponent >= 6 ? with_exponent : print(std::chars_format::fixed);
}

}  // namespace webhook
