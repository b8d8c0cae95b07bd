#include "http/trace_context.h"

#include <algorithm>

namespace webhook {
namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::string_view to_trace_id(std::string_view traceparent) {
  // 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01; later versions may append more.
  constexpr std::size_t kLength = 55;
  if (traceparent.size() < kLength || traceparent[2] != '-' || traceparent[35] != '-' ||
      traceparent[52] != '-') {
    return {};
  }
  const std::string_view version = traceparent.substr(0, 2);
  const bool is_version = is_hex(version) && version != "ff";
  const bool has_more = traceparent.size() > kLength;
  if (!is_version || (has_more && (version == "00" || traceparent[kLength] != '-'))) return {};
  const std::string_view trace = traceparent.substr(3, 32);
  const bool is_whole =
      is_id(trace) && is_id(traceparent.substr(36, 16)) && is_hex(traceparent.substr(53, 2));
  return is_whole ? trace : std::string_view();
}

}  // namespace webhook
