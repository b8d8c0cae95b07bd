#include "admission/admission_request.h"

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

Result<AdmissionRequest> parse(const Json& review) {
  return parse_review(review.dump(), make_sandbox(small_policy()));
}

/// The reason that the review of a plain pod is refused for, with `value` at `pointer`.
std::string error_with(const char* pointer, const Json& value) {
  Json review = to_review(plain_pod());
  review[Pointer(pointer)] = value;
  const auto request = parse(review);
  return request ? "" : request.error().message;
}

TEST_CASE("parse_review reads what is said of the request") {
  Json review = to_review(plain_pod());
  review["request"]["dryRun"] = true;
  const auto request = parse(review);
  REQUIRE(request);
  CHECK(request->uid == "705ab4f5-6393-11e8-b7cc-42010a800002");
  CHECK(request->ns == "retool");
  CHECK(request->name == "code-executor-0");
  CHECK(request->dry_run);
  CHECK(request->is_pod_create);
  CHECK(request->pod.target == 0);
}

TEST_CASE("the name is the request's, else the pod's, else its generateName") {
  Json review = to_review(plain_pod());
  review["request"]["name"] = "of-request";
  CHECK(parse(review)->name == "of-request");
  review["request"].erase("name");
  review["request"]["object"]["metadata"]["generateName"] = "generated-";
  CHECK(parse(review)->name == "code-executor-0");
  review["request"]["object"]["metadata"].erase("name");
  CHECK(parse(review)->name == "generated-");
  review["request"]["object"].erase("metadata");
  CHECK(parse(review)->name == "");
}

TEST_CASE("only the creation of a whole v1 Pod is a pod create") {
  struct Row {
    const char* pointer;
    Json value;
    bool want;
  };
  for (const Row& row : {
           Row{"/request/operation", "CREATE", true},
           Row{"/request/operation", "UPDATE", false},
           Row{"/request/operation", "DELETE", false},
           Row{"/request/operation", "CONNECT", false},
           Row{"/request/operation", "create", false},
           Row{"/request/operation", nullptr, false},
           Row{"/request/kind/kind", "Deployment", false},
           Row{"/request/kind/kind", nullptr, false},
           Row{"/request/kind/version", "v2", false},
           Row{"/request/kind/group", "example.com", false},
           Row{"/request/kind/group", nullptr, true},
           Row{"/request/kind", nullptr, false},
           Row{"/request/subResource", "status", false},
           Row{"/request/subResource", "", true},
           Row{"/request/subResource", nullptr, true},
       }) {
    CAPTURE(row.pointer);
    CAPTURE(row.value);
    Json review = to_review(plain_pod());
    review[Pointer(row.pointer)] = row.value;
    const auto request = parse(review);
    REQUIRE(request);
    CHECK(request->is_pod_create == row.want);
    CHECK(request->pod.target.has_value() == row.want);
  }
}

TEST_CASE("a request that is no pod create needs no object") {
  Json review = to_review(nullptr);
  review["request"]["operation"] = "DELETE";
  CHECK(parse(review));
  review["request"]["object"] = "whatever";
  CHECK(parse(review));
}

TEST_CASE("parse_review says what is wrong, and where") {
  struct Row {
    const char* pointer;
    Json value;
    const char* want;
  };
  for (const Row& row : {
           Row{"", "text", "body: is a string (expected an object)"},
           Row{"", Json::array(), "body: is a list (expected an object)"},
           Row{"/apiVersion", "admission.k8s.io/v1beta1",
               "apiVersion: expected admission.k8s.io/v1"},
           Row{"/apiVersion", nullptr, "apiVersion: expected admission.k8s.io/v1"},
           Row{"/apiVersion", 1, "apiVersion: is a number (expected a string)"},
           Row{"/kind", "Pod", "kind: expected AdmissionReview"},
           Row{"/request", nullptr, "request: is missing (expected an AdmissionRequest)"},
           Row{"/request", "x", "request: is a string (expected an object)"},
           Row{"/request/uid", "", "request.uid: is missing (expected the request's identifier)"},
           Row{"/request/uid", nullptr,
               "request.uid: is missing (expected the request's identifier)"},
           Row{"/request/uid", 7, "request.uid: is a number (expected a string)"},
           Row{"/request/dryRun", "true", "request.dryRun: is a string (expected a boolean)"},
           Row{"/request/object", nullptr, "request.object: is missing (expected a Pod)"},
           Row{"/request/object", true, "request.object: is a boolean (expected an object)"},
       }) {
    CAPTURE(row.want);
    CHECK(error_with(row.pointer, row.value) == row.want);
  }
}

}  // namespace
}  // namespace webhook
