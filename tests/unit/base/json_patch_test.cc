#include "base/json_patch.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

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

TEST_CASE("add inserts into and appends to lists, and replaces members (RFC 6902, section 4.1)") {
  JsonPatch patch;
  patch.add("/list/0", "1");
  patch.add("/list/-", "3");
  patch.add("/member", "true");
  const Json document = {{"list", {2}}, {"member", false}};
  const Json want = {{"list", {1, 2, 3}}, {"member", true}};
  CHECK(document.patch(Json::parse(patch.to_json())) == want);
}

}  // namespace
}  // namespace webhook
