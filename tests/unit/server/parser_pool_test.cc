#include "server/parser_pool.h"

#include <doctest/doctest.h>

#include <string>

#include "base/json_reader.h"

namespace webhook {
namespace {

/// Makes a parser grow to fit a body of `size`.
void grow(JsonParser& parser, std::size_t size) {
  const JsonDocument document(parser, '"' + std::string(size - 2, 'x') + '"');
  REQUIRE_FALSE(document.error());
}

TEST_CASE("the parser that comes back is the next to go out") {
  ParserPool pool;
  {
    auto lease = pool.lease();
    CHECK(pool.kept() == 0);
    grow(*lease, 5000);
  }
  CHECK(pool.kept() == 1);
  auto again = pool.lease();
  CHECK((*again).capacity() >= 5000);
  CHECK(pool.kept() == 0);
}

TEST_CASE("a parser that grew beyond 64 KiB is not kept") {
  ParserPool pool;
  for (const std::size_t size : {std::size_t{64} << 10U, (std::size_t{64} << 10U) + 1}) {
    CAPTURE(size);
    {
      auto lease = pool.lease();
      grow(*lease, size);
    }
    CHECK(pool.kept() == (size == std::size_t{64} << 10U ? 1 : 0));
  }
}

TEST_CASE("no more are kept than it may, and all who ask are served") {
  ParserPool pool(2);
  {
    auto first = pool.lease();
    auto second = pool.lease();
    auto third = pool.lease();
    CHECK(&*first != &*second);
    CHECK(&*second != &*third);
  }
  CHECK(pool.kept() == 2);
}

}  // namespace
}  // namespace webhook
