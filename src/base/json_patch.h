#pragma once

#include <string>
#include <string_view>

namespace webhook {

/// One reference token of a JSON pointer, escaped: "checksum/seccomp" is "checksum~1seccomp"
/// (RFC 6901, section 3).
std::string escape_pointer_token(std::string_view token);

/// An RFC 6902 document, kept as JSON text: the values are printed once, when the configuration is
/// loaded, and a review only puts them together. Values are JSON text, pointers are made of our own
/// names and of list indexes, with tokens escaped.
class JsonPatch {
 public:
  /// Adds `value` at `pointer`. On an object "add" replaces an existing member (RFC 6902, section
  /// 4.1); on a list it inserts, "-" appends.
  void add(std::string_view pointer, std::string_view value);

  /// Puts `value` in the place of what is at `pointer` (section 4.3).
  void replace(std::string_view pointer, std::string_view value);

  /// Takes out what is at `pointer` (section 4.2). Elements after it move up: remove from the back.
  void remove(std::string_view pointer);

  /// Takes out what is at `from` and adds it at `pointer` (section 4.4).
  void move(std::string_view from, std::string_view pointer);

  [[nodiscard]] bool empty() const { return operations_.empty(); }

  /// The whole document: "[{"op":"add",...}]", or "[]".
  [[nodiscard]] std::string to_json() const;

 private:
  void begin(std::string_view operation, std::string_view pointer);

  std::string operations_;  ///< The list without its brackets.
};

}  // namespace webhook
