#include "base/json_parser.h"

#include <malloc.h>

#include <doctest/doctest.h>

#include "base/json_reader.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEBHOOK_SANITIZED_HEAP
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEBHOOK_SANITIZED_HEAP
#endif
#endif

#ifdef WEBHOOK_SANITIZED_HEAP
// Of the sanitizers' own heap; GCC 12 comes without its header.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace webhook {
namespace {

std::size_t allocated_bytes() {
#ifdef WEBHOOK_SANITIZED_HEAP
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
#endif
}

std::string brackets(std::size_t size) {
  std::string body = "[[]";
  while (body.size() + 4 <= size) body += ",[]";
  body += ']';
  return body;
}

TEST_CASE("parser_bytes is what a body takes, and hardly more") {
  for (const std::size_t size : {4U, 100U, 4'000U, 65'537U, 1'000'000U, 7U << 20U}) {
    CAPTURE(size);
    const std::string body = brackets(size);
    const std::size_t before = allocated_bytes();
    JsonParser parser;
    CHECK_FALSE(JsonDocument(parser, body).error());
    const std::size_t taken = allocated_bytes() - before;
    CHECK(taken <= parser_bytes(body.size()));
    if (size >= 65'537) CHECK(taken * 100 >= parser_bytes(body.size()) * 97);
  }
}

TEST_CASE("a parser keeps its memory for the next body") {
  JsonParser parser;
  CHECK(JsonDocument(parser, brackets(10'000)).root().is_present());
  const std::size_t capacity = parser.capacity();
  CHECK(capacity >= 9'990);
  CHECK(JsonDocument(parser, "[]").root().is_present());
  CHECK(parser.capacity() == capacity);
}

}  // namespace
}  // namespace webhook
