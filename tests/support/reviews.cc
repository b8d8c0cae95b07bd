#include "support/reviews.h"

#include <stdexcept>
#include <utility>

namespace webhook {

using Json = nlohmann::json;

Policy small_policy() {
  Policy policy;
  policy.profile = {
      .bytes = R"({"defaultAction":"SCMP_ACT_ERRNO"})",
      .sha256 = "4b9a142931f026292d45914eab52edec8271378769fd2e886eab9d476457b755",
  };
  return policy;
}

const Sandbox& small_sandbox() {
  static const Sandbox kSandbox = make_sandbox(small_policy());
  return kSandbox;
}

AdmissionRequest creation_of(PodFacts pod) {
  AdmissionRequest request;
  request.is_pod_create = true;
  request.pod = std::move(pod);
  request.pod.target = 0;
  return request;
}

Json plain_pod() {
  return Json::parse(R"({
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "code-executor-0"},
    "spec": {"containers": [{"name": "code-executor", "image": "tryretool/code-executor-service:3.300.1"}]}
  })");
}

Result<Reviewed> review(std::string_view body, const Sandbox& sandbox,
                        const ClusterState& cluster) {
  JsonParser parser;
  return review(parser, body, sandbox, cluster);
}

Result<AdmissionRequest> parse_review(std::string_view body, const Sandbox& sandbox) {
  JsonParser parser;
  return parse_review(parser, body, sandbox);
}

Json to_review(const Json& pod) {
  Json review = Json::parse(R"({
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
      "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
      "kind": {"group": "", "version": "v1", "kind": "Pod"},
      "resource": {"group": "", "version": "v1", "resource": "pods"},
      "namespace": "retool",
      "operation": "CREATE",
      "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
      "oldObject": null,
      "dryRun": false
    }
  })");
  review["request"]["object"] = pod;
  return review;
}

Json to_operations(const JsonPatch& patch) { return Json::parse(patch.to_json()); }

std::string from_base64(std::string_view text) {
  if (text.size() % 4 != 0) throw std::invalid_argument("base64: not padded");
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  unsigned bits = 0;
  unsigned buffer = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const auto digit = std::string_view(
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                           "0123456789+/")
                           .find(c);
    if (digit == std::string_view::npos) throw std::invalid_argument("base64: foreign character");
    buffer = (buffer << 6U | static_cast<unsigned>(digit)) & 0xffffU;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(static_cast<unsigned char>(buffer >> bits & 0xffU));
  }
  return bytes;
}

}  // namespace webhook
