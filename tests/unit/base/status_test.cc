#include "base/status.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace webhook {

using Json = nlohmann::json;

TEST_CASE("a failure is the metav1.Status that Kubernetes clients print") {
  CHECK(Json::parse(to_status(404, "no such path \"/x\"")) ==
        Json{{"kind", "Status"},
             {"apiVersion", "v1"},
             {"metadata", Json::object()},
             {"status", "Failure"},
             {"message", "no such path \"/x\""},
             {"reason", "NotFound"},
             {"code", 404}});
}

TEST_CASE("a code without a reason of its own has the unknown one, which is empty") {
  CHECK(Json::parse(to_status(411, "why")).at("reason") == "");
}

TEST_CASE("a message that is not UTF-8 is still JSON") {
  CHECK(Json::parse(to_status(400,
                              "a\xff"
                              "b"))
            .at("message") == "a\uFFFDb");
}

}  // namespace webhook
