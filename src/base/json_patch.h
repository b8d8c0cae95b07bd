#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/json_text.h"

namespace webhook {

/// One reference token of a JSON pointer, escaped: "checksum/seccomp" is "checksum~1seccomp"
/// (RFC 6901, section 3).
std::string escape_pointer_token(std::string_view token);

/// An RFC 6902 document, kept as JSON text and as the base64 of it: the values are prepared once,
/// when the configuration is loaded, and a review only puts them together. Values are JSON text, in
/// one part or several, cut where JSON takes a space; pointers are made of our own names and of
/// list indexes, with tokens escaped.
class JsonPatch {
 public:
  /// Adds `value` at `pointer`. On an object "add" replaces an existing member (RFC 6902, section
  /// 4.1); on a list it inserts, "-" appends.
  template <class... Parts>
  void add(std::string_view pointer, const Parts&... value) {
    begin("add", pointer);
    append(",\"value\":");
    (append(value), ...);
    append("}");
  }

  /// Puts `value` in the place of what is at `pointer` (section 4.3).
  void replace(std::string_view pointer, std::string_view value);

  /// Takes out what is at `pointer` (section 4.2). Elements after it move up: remove from the back.
  void remove(std::string_view pointer);

  /// Takes out what is at `from` and adds it at `pointer` (section 4.4).
  void move(std::string_view from, std::string_view pointer);

  [[nodiscard]] bool empty() const { return json_.empty(); }

  /// The whole document: "[{"op":"add",...}]", or "[]".
  [[nodiscard]] std::string to_json() const;

  /// About how long the base64 of to_json() is.
  [[nodiscard]] std::size_t base64_size() const { return json_.size() / 3 * 4 + 8; }

  /// Appends the base64 of to_json().
  void append_base64(std::string& to) const;

 private:
  void begin(std::string_view operation, std::string_view pointer);
  void append(std::string_view text) { json_ += text; }
  void append(const PreparedJson& value);

  std::string json_;  ///< All but the bracket at the end.
  std::string base64_;
  std::size_t encoded_ = 0;  ///< Bytes of `json_` that `base64_` is of: groups of three.
};

}  // namespace webhook
