#include "base/json_text.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

TEST_CASE("PreparedJson has the base64 of its text, filled up so that more can follow") {
  struct Row {
    const char* text;
    const char* filled;
  };
  for (const Row& row : {Row{"1", "1  "}, Row{"12", "12 "}, Row{"123", "123"},
                         Row{R"({"a":"b"})", R"({"a":"b"})"}}) {
    CAPTURE(row.text);
    const PreparedJson prepared(row.text);
    CHECK(prepared.text == row.text);
    CHECK(prepared.base64 == to_base64(row.filled));
    CHECK(prepared.base64.find('=') == std::string::npos);
  }
}

TEST_CASE("append_json_string writes what reads back as the same text, in printable ASCII") {
  for (const char* text : {"", "plain", "a\"b", "a\\b", "a\nb", "\x01", "\x7f", "\xc2\x9b",
                           "\xc3\xa9", "\xf0\x9f\x98\x80", "</script>"}) {
    CAPTURE(text);
    std::string json = "[";
    append_json_string(json, text);
    json += ']';
    CHECK(Json::parse(json) == Json::array({text}));
    for (const char c : json) CHECK((c >= ' ' && c <= '~'));
  }
}

TEST_CASE("append_json_string puts U+FFFD for what is not UTF-8") {
  std::string json;
  append_json_string(json, "a\xff");
  CHECK(Json::parse(json) == "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace webhook
