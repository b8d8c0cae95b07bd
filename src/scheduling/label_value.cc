#include "scheduling/label_value.h"

#include <algorithm>
#include <cstddef>

namespace webhook {
namespace {

constexpr std::size_t kMaxLabelValue = 63;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_label_value(std::string_view text) {
  if (text.empty()) return true;
  return text.size() <= kMaxLabelValue && is_alphanumeric(text.front()) &&
         is_alphanumeric(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace webhook
