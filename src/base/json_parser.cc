#include "base/json_parser.h"

#include <simdjson.h>

#include "base/json_reader.h"

namespace webhook {

JsonParser::JsonParser() : parser_(std::make_unique<simdjson::dom::parser>()) {}
JsonParser::~JsonParser() = default;
JsonParser::JsonParser(JsonParser&& other) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&& other) noexcept = default;

std::size_t JsonParser::capacity() const { return parser_->capacity(); }

std::size_t parser_bytes(std::size_t body_size) {
  // As dom::document and dom_parser_implementation allocate for a body: a tape of 8 bytes per
  // value, strings with their lengths, 4 bytes per structural character, and a padded copy.
  const std::size_t tape = 8 * body_size;
  const std::size_t strings = 5 * body_size / 3;
  const std::size_t indexes = 4 * body_size;
  const std::size_t rounded_up = 8 * 128 + 128 + 4 * 128 + simdjson::SIMDJSON_PADDING;
  const std::size_t nesting = 16 * kMaxJsonDepth;
  return tape + strings + indexes + body_size + rounded_up + nesting;
}

}  // namespace webhook
