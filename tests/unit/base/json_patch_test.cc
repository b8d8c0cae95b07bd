#include "base/json_patch.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

TEST_CASE("escape_pointer_token escapes ~ and / and nothing else (RFC 6901, section 3)") {
  struct Row {
    const char* token;
    const char* want;
  };
  for (const Row& row : {
           Row{"", ""},
           Row{"hostUsers", "hostUsers"},
           Row{"checksum/seccomp", "checksum~1seccomp"},
           Row{"a~b", "a~0b"},
           Row{"~1", "~01"},
           Row{"/~/", "~1~0~1"},
           Row{"code-executor-webhook/nsjail-seccomp.json",
               "code-executor-webhook~1nsjail-seccomp.json"},
       }) {
    CAPTURE(row.token);
    CHECK(escape_pointer_token(row.token) == row.want);
    const Json pod = {{row.token, true}};
    CHECK(pod.at(Json::json_pointer("/" + escape_pointer_token(row.token))) == true);
  }
}

TEST_CASE("JsonPatch prints its operations in order, and an empty list without any") {
  JsonPatch patch;
  CHECK(patch.empty());
  CHECK(patch.to_json() == "[]");
  patch.add("/a", "1");
  patch.add("/b/-", R"({"c":"d"})");
  CHECK_FALSE(patch.empty());
  CHECK(patch.to_json() ==
        R"([{"op":"add","path":"/a","value":1},{"op":"add","path":"/b/-","value":{"c":"d"}}])");
}

std::string base64_of(const JsonPatch& patch) {
  std::string text = "before,";
  patch.append_base64(text);
  REQUIRE(text.starts_with("before,"));
  return text.substr(7);
}

TEST_CASE("append_base64 gives the base64 of to_json, whatever the lengths of what is prepared") {
  CHECK(base64_of(JsonPatch()) == to_base64("[]"));
  for (std::size_t first = 1; first <= 4; ++first) {
    for (std::size_t second = 1; second <= 4; ++second) {
      CAPTURE(first);
      CAPTURE(second);
      const PreparedJson a(std::string(first, '1'));
      const PreparedJson b(std::string(second, '2'));
      JsonPatch patch;
      patch.add("/list", "[", a, ",", b, "]");
      patch.add("/plain", "true");
      patch.add("/prepared", a);
      patch.remove("/gone");
      CHECK(base64_of(patch) == to_base64(patch.to_json()));
      const Json want = Json::array({
          {{"op", "add"}, {"path", "/list"}, {"value", {Json::parse(a.text), Json::parse(b.text)}}},
          {{"op", "add"}, {"path", "/plain"}, {"value", true}},
          {{"op", "add"}, {"path", "/prepared"}, {"value", Json::parse(a.text)}},
          {{"op", "remove"}, {"path", "/gone"}},
      });
      CHECK(Json::parse(patch.to_json()) == want);
    }
  }
}

TEST_CASE("add inserts into and appends to lists, and replaces members (RFC 6902, section 4.1)") {
  JsonPatch patch;
  patch.add("/list/0", "1");
  patch.add("/list/-", "3");
  patch.add("/member", "true");
  const Json document = {{"list", {2}}, {"member", false}};
  const Json want = {{"list", {1, 2, 3}}, {"member", true}};
  CHECK(document.patch(Json::parse(patch.to_json())) == want);
}

TEST_CASE("remove takes out, and elements after it move up (RFC 6902, section 4.2)") {
  JsonPatch patch;
  patch.remove("/list/2");
  patch.remove("/list/0");
  patch.remove("/a~1b");
  CHECK(patch.to_json() == R"([{"op":"remove","path":"/list/2"},{"op":"remove","path":"/list/0"},)"
                           R"({"op":"remove","path":"/a~1b"}])");
  const Json document = {{"list", {1, 2, 3}}, {"a/b", true}, {"c", 1}};
  const Json want = {{"list", Json::array({2})}, {"c", 1}};
  CHECK(document.patch(Json::parse(patch.to_json())) == want);
}

TEST_CASE("replace changes what is there, in place (RFC 6902, section 4.3)") {
  JsonPatch patch;
  patch.replace("/list/1", R"({"a":"b"})");
  CHECK(patch.to_json() == R"([{"op":"replace","path":"/list/1","value":{"a":"b"}}])");
  const Json document = {{"list", {1, 2, 3}}};
  const Json want = {{"list", {1, {{"a", "b"}}, 3}}};
  CHECK(document.patch(Json::parse(patch.to_json())) == want);
}

TEST_CASE("move takes out and puts in elsewhere (RFC 6902, section 4.4)") {
  JsonPatch patch;
  patch.move("/list/2", "/list/0");
  CHECK(patch.to_json() == R"([{"op":"move","path":"/list/0","from":"/list/2"}])");
  const Json document = {{"list", {1, 2, 3}}};
  const Json want = {{"list", {3, 1, 2}}};
  CHECK(document.patch(Json::parse(patch.to_json())) == want);
}

}  // namespace
}  // namespace webhook
