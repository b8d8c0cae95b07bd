#include "base/text.h"

#include <string>

#include <doctest/doctest.h>

namespace webhook {

TEST_CASE("trim takes blanks from both ends, and none from the middle") {
  CHECK(trim("") == "");
  CHECK(trim(" \t\r\n") == "");
  CHECK(trim("a") == "a");
  CHECK(trim("\t a b\r\n") == "a b");
  CHECK(trim("a\n", " \t") == "a\n");
  CHECK(trim("//a/b/", "/") == "a/b");
}

TEST_CASE("to_lower lowers ASCII letters and nothing else") {
  CHECK(to_lower("") == "");
  CHECK(to_lower("AZaz[@09-\xc3\x84") == "azaz[@09-\xc3\x84");
}

TEST_CASE("equal_ignoring_case compares whole words") {
  CHECK(equal_ignoring_case("", ""));
  CHECK(equal_ignoring_case("Keep-Alive", "keep-aLIVE"));
  CHECK_FALSE(equal_ignoring_case("close", "closed"));
  CHECK_FALSE(equal_ignoring_case("closed", "close"));
  CHECK_FALSE(equal_ignoring_case("[", "{"));  // 32 apart, as A and a are
  CHECK_FALSE(equal_ignoring_case("@", "`"));
}

TEST_CASE("to_printable leaves nothing that could end a line or a quotation") {
  struct Row {
    std::string text;
    std::size_t limit;
    const char* want;
  };
  for (const Row& row : {
           Row{"", 5, ""},
           Row{"plain", 5, "plain"},
           Row{"longer", 5, "longe..."},
           Row{"a\nb\x1b[0m", 10, "a?b?[0m"},
           Row{"it's", 10, "it?s"},
           Row{"\xc3\xa9", 10, "??"},
           Row{std::string("a\0b\x7f", 4), 10, "a?b?"},
       }) {
    CAPTURE(row.text);
    CHECK(to_printable(row.text, row.limit) == row.want);
  }
}

TEST_CASE("percent_encoded leaves what is unreserved, and nothing else") {
  CHECK(percent_encoded("") == "");
  CHECK(percent_encoded("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encoded("a+/=b&c d%") == "a%2B%2F%3Db%26c%20d%25");
  CHECK(percent_encoded("\xc3\xa9\n") == "%C3%A9%0A");
}

}  // namespace webhook
