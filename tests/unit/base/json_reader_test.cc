#include "base/json_reader.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace webhook {
namespace {

using Json = nlohmann::json;

/// What reading `body` by `read` finds wrong; empty if nothing.
template <class Read>
std::string error_of(std::string_view body, Read read) {
  JsonParser parser;
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  read(root);
  return document.error() ? document.error()->message : "";
}

std::string parse_error(std::string_view body) {
  return error_of(body, [](const JsonValue&) {});
}

bool matches(std::string_view body, const char* want) {
  JsonParser parser;
  JsonDocument document(parser, body);
  const bool same = document.root().matches(Json::parse(want));
  CHECK_FALSE(document.error());
  return same;
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

TEST_CASE("JsonDocument refuses what is not JSON, without quoting it") {
  for (const std::string_view body : {"",
                                      " ",
                                      "secret",
                                      "{",
                                      "{\"secret\"",
                                      "{\"secret\":}",
                                      "[1,]",
                                      "{'secret':1}",
                                      "nul",
                                      "01",
                                      "1e400",
                                      "18446744073709551616",
                                      "\"\xff\"",
                                      "\"\xc0\xaf\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\n\"",
                                      "\"\\x\"",
                                      "\"\\ud800\"",
                                      "\xef\xbb\xbf{}",
                                      "{} {}",
                                      "// secret\n{}"}) {
    CAPTURE(body);
    const std::string error = parse_error(body);
    CHECK(error.starts_with("body: not JSON: "));
    CHECK(error.find("secret") == std::string::npos);
  }
  CHECK(parse_error({"{}\0", 3}).starts_with("body: not JSON: "));
  CHECK(parse_error({"\"a\0\"", 4}).starts_with("body: not JSON: "));
}

TEST_CASE("JsonDocument reads 128 levels and no more") {
  CHECK(parse_error(nested(kMaxJsonDepth)) == "");
  for (const std::size_t levels : {kMaxJsonDepth + 1, std::size_t{1000}, std::size_t{100'000}}) {
    CAPTURE(levels);
    CHECK(parse_error(nested(levels)) == "body: nested deeper than 128 levels");
    CHECK(parse_error(std::string(levels, '[')).starts_with("body: "));  // open at the end as well
  }
}

TEST_CASE("a parser reads one body after the other, whatever was wrong with the last") {
  JsonParser parser;
  for (const std::string& body : {nested(3), nested(1000), std::string("nonsense"), nested(2),
                                  '"' + std::string(3U << 20U, 'x') + '"', nested(kMaxJsonDepth),
                                  nested(kMaxJsonDepth + 1), std::string(R"("text")")}) {
    CAPTURE(body.substr(0, 10));
    JsonDocument document(parser, body);
    const auto message = document.error() ? document.error()->message : "";
    CHECK(message == parse_error(body));
    CHECK(document.root().is_present() == message.empty());
  }
  CHECK(parser.capacity() >= 3U << 20U);
}

TEST_CASE("parsers are apart: what one has read stays while another reads") {
  JsonParser one;
  JsonParser other;
  JsonDocument first(one, R"("first")");
  JsonDocument second(other, R"("second")");
  CHECK(first.root().string() == "first");
  CHECK(second.root().string() == "second");
}

TEST_CASE("absent and null read the same, as the empty value") {
  for (const char* body : {"{}", R"({"a":null})"}) {
    CAPTURE(body);
    JsonParser parser;
    JsonDocument document(parser, body);
    const JsonValue root = document.root();
    const JsonValue a = root.field("a");
    CHECK_FALSE(a.is_present());
    CHECK(a.string() == "");
    CHECK_FALSE(a.boolean());
    CHECK_FALSE(a.has_members());
    CHECK(a.size() == 0);
    CHECK_FALSE(a.matches(Json::object()));
    const JsonValue b = a.field("b");
    CHECK_FALSE(b.is_present());
    a.for_each([](const JsonValue&, std::size_t) { FAIL("no element"); });
    CHECK_FALSE(document.error());
  }
}

TEST_CASE("what has another type is refused with its place") {
  const auto chain = [](const JsonValue& root) {
    const JsonValue spec = root.field("spec");
    const JsonValue list = spec.field("list");
    list.for_each([](const JsonValue& item, std::size_t) { (void)item.field("name").string(); });
    (void)spec.field("flag").boolean();
    (void)spec.field("object").has_members();
    (void)spec.field("sized").size();
  };
  struct Row {
    const char* body;
    const char* want;
  };
  for (const Row& row : {
           Row{"[]", "body: is a list (expected an object)"},
           Row{"null", "body: is null (expected an object)"},
           Row{R"({"spec":1})", "spec: is a number (expected an object)"},
           Row{R"({"spec":{"list":{}}})", "spec.list: is an object (expected a list)"},
           Row{R"({"spec":{"list":[{},true]}})", "spec.list[1]: is a boolean (expected an object)"},
           Row{R"({"spec":{"list":[null]}})", "spec.list[0]: is null (expected an object)"},
           Row{R"({"spec":{"list":[{"name":1.5}]}})",
               "spec.list[0].name: is a number (expected a string)"},
           Row{R"({"spec":{"flag":"true"}})", "spec.flag: is a string (expected a boolean)"},
           Row{R"({"spec":{"object":[]}})", "spec.object: is a list (expected an object)"},
           Row{R"({"spec":{"sized":{}}})", "spec.sized: is an object (expected a list)"},
           Row{R"({"spec":{"flag":1,"object":2}})",
               "spec.flag: is a number (expected a boolean)"},  // the first one stays
       }) {
    CAPTURE(row.body);
    CHECK(error_of(row.body, chain) == row.want);
  }
}

TEST_CASE("a member that is there twice is refused, null or not") {
  const auto read = [](const JsonValue& root) {
    const JsonValue a = root.field("a");
    (void)a.field("b").string();
  };
  CHECK(error_of(R"({"a":{"b":"x","b":"x"}})", read) == "a.b: is there twice (expected once)");
  CHECK(error_of(R"({"a":{"b":null,"b":"x"}})", read) == "a.b: is there twice (expected once)");
  CHECK(error_of(R"({"a":{"b":"x","\u0062":"y"}})", read) == "a.b: is there twice (expected once)");
  CHECK(error_of(R"({"a":{},"a":{}})", read) == "a: is there twice (expected once)");
  CHECK(error_of(R"({"a":{"c":1,"c":2}})", read) == "");  // not read
  const auto members = [](const JsonValue& root) { (void)root.has_members(); };
  CHECK(error_of(R"({"c":1,"a":2,"c":3})", members) ==
        "body: has a member twice (expected each once)");
  const auto compare = [](const JsonValue& root) {
    (void)root.matches({{"list", {{{"name", "x"}}}}});
  };
  CHECK(error_of(R"({"list":[{"name":"x","name":"y"}]})", compare) ==
        "list[0]: has a member twice (expected each once)");
}

TEST_CASE("has_members counts a member unless it is null") {
  for (const char* body : {"{}", R"({"a":null})", R"({"a":null,"b":null})"}) {
    CAPTURE(body);
    JsonParser parser;
    CHECK_FALSE(JsonDocument(parser, body).root().has_members());
  }
  for (const char* body : {R"({"a":false})", R"({"a":null,"b":{}})"}) {
    CAPTURE(body);
    JsonParser parser;
    CHECK(JsonDocument(parser, body).root().has_members());
  }
}

TEST_CASE("an exact match has the same members and elements; null members do not count") {
  constexpr const char* kWant = R"({"a":{"b":[1,2]},"c":"x","d":false})";
  CHECK(matches(kWant, kWant));
  CHECK(matches(R"({"d":false,"c":"x","a":{"b":[1,2],"n":null},"n":null})", kWant));
  for (const char* have : {
           R"({"a":{"b":[1,2]},"c":"x"})",
           R"({"a":{"b":[1,2]},"c":"x","d":null})",
           R"({"a":{"b":[1,2]},"c":"x","d":false,"e":0})",
           R"({"a":{"b":[1,2],"e":0},"c":"x","d":false})",
           R"({"a":{"b":[2,1]},"c":"x","d":false})",
           R"({"a":{"b":[1,2,3]},"c":"x","d":false})",
           R"({"a":{"b":[1]},"c":"x","d":false})",
           R"({"a":{"b":[1,2.0]},"c":"x","d":false})",
           R"({"a":{"b":{}},"c":"x","d":false})",
           R"({"a":[],"c":"x","d":false})",
           R"({"a":{"b":[1,2]},"c":1,"d":false})",
           R"({"a":{"b":[1,2]},"c":"x","d":"false"})",
           "[]",
           "1",
       }) {
    CAPTURE(have);
    CHECK_FALSE(matches(have, kWant));
  }
  // Lists of objects are taken as they stand.
  CHECK_FALSE(matches(R"([{"n":1},{"n":2}])", R"([{"n":2},{"n":1}])"));
}

TEST_CASE("integer reads whole numbers of 64 bits, and refuses every other") {
  struct Row {
    const char* text;
    std::optional<std::int64_t> want;
    const char* error;
  };
  for (const Row& row : {
           Row{R"({"n":0})", 0, ""},
           Row{R"({"n":-9223372036854775808})", INT64_MIN, ""},
           Row{R"({"n":null})", std::nullopt, ""},
           Row{R"({})", std::nullopt, ""},
           Row{R"({"n":1.0})", std::nullopt,
               "n: is not a whole number of 64 bits (expected an integer)"},
           Row{R"({"n":9223372036854775808})", std::nullopt,
               "n: is not a whole number of 64 bits (expected an integer)"},
           Row{R"({"n":"1"})", std::nullopt, "n: is a string (expected an integer)"},
       }) {
    CAPTURE(row.text);
    const std::string text = row.text;
    JsonParser parser;
    JsonDocument document(parser, text);
    const JsonValue root = document.root();
    const JsonValue number = root.field("n");
    CHECK(number.integer() == row.want);
    CHECK((document.error() ? document.error()->message : "") == row.error);
  }
}

TEST_CASE("last_named finds an element as reading each name does, and finds the same wrong") {
  struct Row {
    std::string_view list;
    std::string_view value;  ///< Of the element that is found; empty if none is.
    std::string_view error = {};
  };
  for (const Row& row : {
           Row{"null", ""},
           Row{"[]", ""},
           Row{R"([{"name":"a","value":"1"}])", "1"},
           Row{R"([{"value":"1","name":"\u0061"},{"name":"b","value":"2"}])", "1"},
           Row{R"([{"name":"a","value":"1"},{"name":"a","value":"2"},{"name":"aa"}])", "2"},
           Row{R"([{"name":"A"},{"name":""},{"name":null},{"value":"1"},{}])", ""},
           Row{R"([{"name":"a","value":1}])", "", "list[0].value: is a number (expected a string)"},
           Row{R"([{"name":"b","value":1}])", ""},  // not read
           Row{"{}", "", "list: is an object (expected a list)"},
           Row{R"([{},"a"])", "", "list[1]: is a string (expected an object)"},
           Row{"[null]", "", "list[0]: is null (expected an object)"},
           Row{R"([{"name":5}])", "", "list[0].name: is a number (expected a string)"},
           Row{R"([{"name":"a","name":"b"}])", "", "list[0].name: is there twice (expected once)"},
           Row{R"([{"name":null,"name":"b"}])", "", "list[0].name: is there twice (expected once)"},
       }) {
    CAPTURE(row.list);
    const std::string body = R"({"list":)" + std::string(row.list) + '}';
    std::string value;
    const auto find = [&](const JsonValue& root) {
      const JsonValue list = root.field("list");
      const JsonValue found = list.last_named("a");
      value = found.field("value").string();
    };
    CHECK(error_of(body, find) == row.error);
    CHECK(value == row.value);
    const auto read_each = [](const JsonValue& root) {
      const JsonValue list = root.field("list");
      list.for_each([](const JsonValue& each, std::size_t) { (void)each.field("name").string(); });
    };
    if (!row.error.ends_with("value: is a number (expected a string)")) {
      CHECK(error_of(body, read_each) == row.error);
    }
  }
}

TEST_CASE("for_each_member visits what is not null, and refuses a member that is there twice") {
  const std::string text = R"({"a":1,"b":null,"c":{"d":2}})";
  JsonParser parser;
  JsonDocument document(parser, text);
  const JsonValue root = document.root();
  std::string keys;
  root.for_each_member([&](std::string_view key, const JsonValue& value) {
    keys.append(key).append(value.is_present() ? "," : "-");
  });
  CHECK(keys == "a,c,");
  CHECK_FALSE(document.error());
  const std::string twice = R"({"a":1,"a":null})";
  JsonDocument other(parser, twice);
  const JsonValue wrong = other.root();
  wrong.for_each_member([](std::string_view, const JsonValue&) {});
  REQUIRE(other.error());
  CHECK(other.error()->message == "body: has a member twice (expected each once)");
}

TEST_CASE("is_between takes all of the least and nothing beyond the most") {
  const nlohmann::json least = nlohmann::json::parse(R"({"a":{"b":1},"l":[{"x":1}]})");
  const nlohmann::json most = nlohmann::json::parse(R"({"a":{"b":1,"c":2},"l":[{"x":1,"y":2}]})");
  struct Row {
    const char* text;
    bool want;
  };
  for (const Row& row : {
           Row{R"({"a":{"b":1},"l":[{"x":1}]})", true},
           Row{R"({"a":{"b":1,"c":2},"l":[{"x":1,"y":2}]})", true},
           Row{R"({"a":{"b":1,"c":null},"l":[{"x":1}],"z":null})", true},
           Row{R"({"a":{"b":1,"c":3},"l":[{"x":1}]})", false},
           Row{R"({"a":{"c":2},"l":[{"x":1}]})", false},
           Row{R"({"a":{"b":1},"l":[{"x":1}],"z":1})", false},
           Row{R"({"a":{"b":1},"l":[{"x":1},{"x":1}]})", false},
           Row{R"({"a":{"b":1},"l":[]})", false},
           Row{R"({"a":{"b":1}})", false},
           Row{R"({"a":1,"l":[{"x":1}]})", false},
           Row{R"([])", false},
       }) {
    CAPTURE(row.text);
    const std::string text = row.text;
    JsonParser parser;
    JsonDocument document(parser, text);
    CHECK(document.root().is_between(least, most) == row.want);
    CHECK_FALSE(document.error());
  }
}

}  // namespace
}  // namespace webhook
