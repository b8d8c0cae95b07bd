#include "cel/match.h"

#include <doctest/doctest.h>

namespace webhook {
namespace {

using Json = nlohmann::json;

TEST_CASE("a match is an equality") {
  CHECK(to_cel_matches("v", Json::parse(R"({"a":["x"]})")) == "v == {'a': ['x']}");
  CHECK(to_cel_matches("v.?a.orValue(null)", "it's") == "v.?a.orValue(null) == \"it's\"");
}

TEST_CASE("between: what is in both is needed, what is in the larger one may be there") {
  const Json least = {{"name", "n"}};
  const Json most = {{"name", "n"}, {"mode", 420}};
  CHECK(
      to_cel_between("v", least, most) ==
      "v.all(key, key in ['mode', 'name']) && (!('mode' in v) || v['mode'] == 420) && 'name' in v "
      "&& v['name'] == 'n'");
}

TEST_CASE("between: objects in objects, and lists of one length") {
  const Json least = {{"s", {{"items", {{{"path", "p"}}}}}}};
  const Json most = {{"s", {{"items", {{{"path", "p"}, {"api", "v1"}}}}}}};
  CHECK(
      to_cel_between("v", least, most) ==
      "v.all(key, key in ['s']) && 's' in v && v['s'].all(key, key in ['items']) && 'items' in "
      "v['s'] && v['s']['items'].size() == 1 && v['s']['items'][0].all(key, key in ['api', "
      "'path']) && (!('api' in v['s']['items'][0]) || v['s']['items'][0]['api'] == 'v1') && 'path' "
      "in v['s']['items'][0] && v['s']['items'][0]['path'] == 'p'");
}

TEST_CASE("between: keys that are no identifiers") {
  const Json most = {{"a'b\n", "x"}};
  CHECK(to_cel_between("v", most, most) ==
        "v.all(key, key in [\"a'b\\n\"]) && \"a'b\\n\" in v && v[\"a'b\\n\"] == 'x'");
}

}  // namespace
}  // namespace webhook
