#include "base/json_text.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/base64.h"

namespace webhook {

using Json = nlohmann::json;

PreparedJson::PreparedJson(std::string json) : text(std::move(json)) {
  std::string filled = text;
  fill_up_last_group(filled);
  base64 = to_base64(filled);
}

void fill_up_last_group(std::string& text) { text.append((3 - text.size() % 3) % 3, ' '); }

void append_json_string(std::string& to, std::string_view text) {
  // Most text is plain, and only needs quotes.
  const auto is_plain = [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; };
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    to.append(1, '"').append(text).append(1, '"');
  } else {
    to += Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
  }
}

}  // namespace webhook
