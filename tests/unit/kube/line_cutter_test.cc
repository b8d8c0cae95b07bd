#include "kube/line_cutter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace webhook {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("lines come whole, however the bytes are cut") {
  const std::string wire = "one\n\ntwo\r\nthree";
  for (std::size_t size = 1; size <= wire.size(); ++size) {
    Lines got;
    LineCutter cutter(5, [&](std::string_view line) {
      got.emplace_back(line);
      return true;
    });
    for (std::size_t at = 0; at < wire.size(); at += size) {
      REQUIRE(cutter.take(std::string_view(wire).substr(at, size)));
    }
    CHECK((got == Lines{"one", "", "two\r"}));
    cutter.end();
    CHECK((got == Lines{"one", "", "two\r", "three"}));
  }
}

TEST_CASE("a line is handed on as soon as it is there") {
  Lines got;
  LineCutter cutter(9, [&](std::string_view line) {
    got.emplace_back(line);
    return true;
  });
  REQUIRE(cutter.take("one\ntw"));
  CHECK((got == Lines{"one"}));
}

TEST_CASE("whoever receives the lines can end them") {
  Lines got;
  LineCutter cutter(9, [&](std::string_view line) {
    got.emplace_back(line);
    return false;
  });
  CHECK_FALSE(cutter.take("one\ntwo\nthree"));
  CHECK_FALSE(cutter.take("four\n"));
  cutter.end();
  CHECK((got == Lines{"one"}));
  CHECK_FALSE(cutter.is_too_long());
}

TEST_CASE("a line over the limit ends the stream, complete or not") {
  for (const char* wire : {"123456\n", "123456", "1\n123456\n"}) {
    CAPTURE(wire);
    LineCutter cutter(5, [](std::string_view line) { return line.size() <= 5; });
    CHECK_FALSE(cutter.take(wire));
    CHECK(cutter.is_too_long());
  }
}

}  // namespace
}  // namespace webhook
