#include "cel/layout.h"

#include <algorithm>

#include <doctest/doctest.h>

namespace webhook {
namespace {

std::string flat(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

TEST_CASE("short expressions stay on their line") {
  CHECK(to_lines("a && b") == "a && b");
  CHECK(to_lines("") == "");
}

TEST_CASE("long ones are broken between words, and say the same") {
  std::string expression = "a";
  for (int i = 0; i < 100; ++i) expression += " && variables.name" + std::to_string(i);
  const std::string lines = to_lines(expression);
  CHECK(flat(lines) == expression);
  CHECK(lines.find(" \n") == std::string::npos);
  CHECK(lines.find("\n\n") == std::string::npos);
  std::size_t longest = 0;
  for (std::size_t from = 0, end = 0; end != std::string::npos; from = end + 1) {
    end = lines.find('\n', from);
    longest = std::max(longest, std::min(end, lines.size()) - from);
  }
  CHECK(longest <= 120);
}

TEST_CASE("no literal is broken, whatever quotes and escapes are in it") {
  const std::string spaces(300, ' ');
  for (const std::string& literal :
       {"'" + spaces + "'", "\"it's" + spaces + "\"", "'\\'" + spaces + "'", std::string("'\\\\'"),
        "\"\\\"" + spaces + '"'}) {
    const std::string expression = "a == " + literal + " && b";
    CAPTURE(expression);
    CHECK(to_lines(expression).find(literal) != std::string::npos);
    CHECK(flat(to_lines(expression)) == expression);
  }
}

TEST_CASE("breaks that are there stay, and are where a line begins") {
  CHECK(to_lines("a ?\nb :\nc") == "a ?\nb :\nc");
}

}  // namespace
}  // namespace webhook
