#include "base/dns_name.h"

#include <algorithm>

namespace webhook {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxSubdomain = 253;

bool is_alphanumeric(char each) {
  return (each >= 'a' && each <= 'z') || (each >= '0' && each <= '9');
}

/// A label of any length.
bool is_part(std::string_view text) {
  return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char each) { return is_alphanumeric(each) || each == '-'; });
}

}  // namespace

bool is_dns_label(std::string_view text) { return text.size() <= kMaxLabel && is_part(text); }

bool is_dns_subdomain(std::string_view text) {
  if (text.size() > kMaxSubdomain) return false;
  for (;;) {
    const auto dot = std::min(text.find('.'), text.size());
    if (!is_part(text.substr(0, dot))) return false;
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace webhook
