#pragma once

#include <string>
#include <string_view>

namespace webhook {

/// One reference token of a JSON pointer, escaped: "checksum/seccomp" is "checksum~1seccomp"
/// (RFC 6901, section 3).
std::string escape_pointer_token(std::string_view token);

/// An RFC 6902 document of `add` operations, kept as JSON text: the values are printed once, when
/// the configuration is loaded, and a review only puts them together.
class JsonPatch {
 public:
  /// Adds `value`, which is JSON text, at `pointer`, whose tokens are escaped. On an object "add"
  /// replaces an existing member (RFC 6902, section 4.1); on a list it inserts, "-" appends.
  void add(std::string_view pointer, std::string_view value);

  [[nodiscard]] bool empty() const { return operations_.empty(); }

  /// The whole document: "[{"op":"add",...}]", or "[]".
  [[nodiscard]] std::string to_json() const;

 private:
  std::string operations_;  ///< The list without its brackets.
};

}  // namespace webhook
