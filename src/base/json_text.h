#pragma once

#include <string>
#include <string_view>

namespace webhook {

/// JSON text that goes into many patches, with its base64, which is made once: to encode it anew
/// would cost a review more than to decide it.
struct PreparedJson {
  explicit PreparedJson(std::string json);

  std::string text;
  /// Of `text` and as many spaces as fill up its last group of three bytes, so that the base64 of
  /// something else can follow.
  std::string base64;
};

/// Appends to `text` the spaces that its base64 has; between the tokens of JSON they mean nothing.
void fill_up_last_group(std::string& text);

/// Appends `text` as a JSON string, in printable ASCII: a terminal may take U+009B, or DEL, for a
/// command. What is not UTF-8 becomes U+FFFD.
void append_json_string(std::string& to, std::string_view text);

}  // namespace webhook
