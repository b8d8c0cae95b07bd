#include "admission/unmapped_id.h"

#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

TEST_CASE("an id is unmapped from the size of the pod's user namespace on") {
  struct Row {
    Json context;
    bool want;
  };
  for (const Row& row : {
           Row{nullptr, false},
           Row{Json::object(), false},
           Row{{{"runAsUser", 65535}, {"runAsGroup", 0}, {"fsGroup", 2000}}, false},
           Row{{{"runAsUser", 65536}}, true},
           Row{{{"runAsGroup", 65536}}, true},
           Row{{{"fsGroup", 1000650000}}, true},
           Row{{{"supplementalGroups", {1, 70000}}}, true},
           Row{{{"supplementalGroups", {1, 2}}}, false},
           Row{{{"runAsUser", -1}}, true},
           Row{{{"runAsUser", nullptr}}, false},
       }) {
    CAPTURE(row.context);
    const std::string text = Json{{"securityContext", row.context}}.dump();
    JsonParser parser;
    JsonDocument document(parser, text);
    const JsonValue pod = document.root();
    CHECK(has_unmapped_id(pod.field("securityContext"), 65536) == row.want);
    CHECK_FALSE(document.error());
  }
  const std::string text = R"({"runAsUser":65536})";
  JsonParser parser;
  JsonDocument document(parser, text);
  CHECK_FALSE(has_unmapped_id(document.root(), 131072));
}

}  // namespace
}  // namespace webhook
