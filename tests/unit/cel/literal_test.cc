#include "cel/literal.h"

#include <random>
#include <string>

#include <doctest/doctest.h>

namespace webhook {
namespace {

using Json = nlohmann::json;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

void append_utf8(std::string& to, char32_t c) {
  const auto tail = [&](unsigned shift) {
    to += static_cast<char>(0x80U | ((c >> shift) & 0x3fU));
  };
  if (c < 0x80) {
    to += static_cast<char>(c);
  } else if (c < 0x800) {
    to += static_cast<char>(0xc0U | (c >> 6U));
    tail(0);
  } else if (c < 0x10000) {
    to += static_cast<char>(0xe0U | (c >> 12U));
    tail(6);
    tail(0);
  } else {
    to += static_cast<char>(0xf0U | (c >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// Reads one string literal as cel-spec says, "String and Bytes Values"; the whole of `literal`.
std::string read_literal(const std::string& literal) {
  REQUIRE(literal.size() >= 2);
  const char quote = literal.front();
  REQUIRE((quote == '\'' || quote == '"'));
  std::string text;
  std::size_t i = 1;
  while (literal.at(i) != quote) {
    REQUIRE((literal[i] >= ' ' && literal[i] <= '~'));
    if (literal[i] != '\\') {
      text += literal[i++];
      continue;
    }
    const char escape = literal.at(i + 1);
    i += 2;
    if (escape == 'n') {
      text += '\n';
    } else if (escape == 'u' || escape == 'U') {
      const std::size_t digits = escape == 'u' ? 4 : 8;
      char32_t c = 0;
      for (std::size_t end = i + digits; i < end; ++i) {
        REQUIRE(is_hex(literal.at(i)));
        c = c * 16 + static_cast<char32_t>(std::stoul(literal.substr(i, 1), nullptr, 16));
      }
      append_utf8(text, c);
    } else {
      REQUIRE((escape == '\\' || escape == quote));
      text += escape;
    }
  }
  REQUIRE(i + 1 == literal.size());
  return text;
}

TEST_CASE("a text comes back from its literal, which is ASCII") {
  for (const std::string& text :
       {std::string(), std::string("plain"), std::string("it's"), std::string("say \"hi\""),
        std::string("both ' and \""), std::string("back\\slash\\"), std::string("'"),
        std::string("\\"), std::string("\\n"), std::string("line\nline\r\n\ttab"),
        std::string("nul\0nul", 7), std::string("\x7f\x1f\x1b[31m"),
        std::string("{sha256} ${A} $(A)"),
        std::string("\xc3\xa9 \xe2\x98\x83 \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf"),
        std::string("\xe2\x80\xa8\xe2\x80\xa9\xc2\x85\xef\xbb\xbf"),
        std::string("' + object.x + '"), std::string("\"\"\"'''r'")}) {
    CAPTURE(text);
    CHECK(read_literal(to_cel_string(text)) == text);
  }
}

TEST_CASE("random texts come back from their literals") {
  std::mt19937_64 engine(1);
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    for (std::size_t n = engine() % 40; n > 0; --n) {
      const char32_t limits[] = {0x30, 0x80, 0x800, 0xd800, 0x110000 - 0xe000};
      const std::size_t kind = engine() % 5;
      const auto c = static_cast<char32_t>(engine() % limits[kind]);
      append_utf8(text, kind == 4 ? c + 0xe000 : c);
    }
    CAPTURE(text);
    CHECK(read_literal(to_cel_string(text)) == text);
  }
}

TEST_CASE("what is not UTF-8 becomes U+FFFD, as in what is injected") {
  CHECK(to_cel_string("a\xff"
                      "b") == "'a\\ufffdb'");
  CHECK(to_cel_string("\xe2\x98") == "'\\ufffd'");
}

TEST_CASE("values of one type stand as they are, others are dyn()") {
  CHECK(to_cel(Json::parse(R"({"a":"x","b":"y"})")) == "{'a': 'x', 'b': 'y'}");
  CHECK(to_cel(Json::parse(R"({"a":"x","b":1})")) == "{'a': dyn('x'), 'b': dyn(1)}");
  CHECK(to_cel(Json::parse(R"([1,2])")) == "[1, 2]");
  CHECK(to_cel(Json::parse(R"([1,"2",null])")) == "[dyn(1), dyn('2'), dyn(null)]");
  CHECK(to_cel(Json::parse(R"([{"a":1},{"b":"x"}])")) == "[dyn({'a': 1}), dyn({'b': 'x'})]");
  CHECK(to_cel(Json::parse(R"([{"a":1},{"b":2}])")) == "[{'a': 1}, {'b': 2}]");
  CHECK(to_cel(Json::parse(R"([[],["x"]])")) == "[dyn([]), dyn(['x'])]");
  CHECK(to_cel(Json::parse(R"({"a":true,"b":false})")) == "{'a': true, 'b': false}");
  CHECK(to_cel(Json::parse("{}")) == "{}");
  CHECK(to_cel(Json::parse("[]")) == "[]");
  CHECK(to_cel(Json::parse("-5")) == "-5");
}

TEST_CASE("the key of a member is a literal, whatever it holds") {
  const Json object = {{"it's a\nkey", 1}};
  CHECK(to_cel(object) == "{\"it's a\\nkey\": 1}");
}

}  // namespace
}  // namespace webhook
