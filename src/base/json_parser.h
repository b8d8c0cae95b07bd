#pragma once

#include <cstddef>
#include <memory>

namespace simdjson::dom {
class parser;
}  // namespace simdjson::dom

namespace webhook {

/// The memory that bodies are parsed in, for one at a time. It grows to fit the largest body so
/// far, and is used again for the next, which makes parsing cheap: keep it.
class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  JsonParser(JsonParser&& other) noexcept;
  JsonParser& operator=(JsonParser&& other) noexcept;

  /// The size of the largest body that it needs no more memory for.
  [[nodiscard]] std::size_t capacity() const;

 private:
  friend class JsonDocument;

  std::unique_ptr<simdjson::dom::parser> parser_;
};

/// The memory, in bytes, that a parser takes for a body of `body_size`: no more than this, and most
/// of it is touched by a body that is all brackets.
std::size_t parser_bytes(std::size_t body_size);

}  // namespace webhook
