#include "admission/admission_request.h"

#include "base/json_reader.h"

namespace webhook {
namespace {

void expect(const JsonValue& value, std::string_view want) {
  if (value.string() != want) value.refuse("expected " + std::string(want));
}

bool is_pod_create(const JsonValue& request) {
  const JsonValue kind = request.field("kind");
  // Each field is read before any is judged, so that a wrong type is refused whatever the others
  // say.
  const bool is_core = kind.field("group").string().empty();
  const bool is_v1 = kind.field("version").string() == "v1";
  const bool is_pod = kind.field("kind").string() == "Pod";
  const bool is_whole = request.field("subResource").string().empty();
  const bool is_create = request.field("operation").string() == "CREATE";
  return is_core && is_v1 && is_pod && is_whole && is_create;
}

void read_request(const JsonValue& request, const Sandbox& sandbox, AdmissionRequest& to) {
  if (!request.is_present()) request.refuse("is missing (expected an AdmissionRequest)");
  const JsonValue uid = request.field("uid");
  to.uid = uid.string();
  if (to.uid.empty()) uid.refuse("is missing (expected the request's identifier)");
  to.ns = request.field("namespace").string();
  to.name = request.field("name").string();
  to.dry_run = request.field("dryRun").boolean().value_or(false);
  to.is_pod_create = is_pod_create(request);
  if (!to.is_pod_create) return;

  const JsonValue pod = request.field("object");
  if (!pod.is_present()) pod.refuse("is missing (expected a Pod)");
  const JsonValue metadata = pod.field("metadata");
  for (const char* field : {"name", "generateName"}) {
    const std::string_view text = metadata.field(field).string();
    if (to.name.empty()) to.name = text;
  }
  to.pod = read_pod_facts(pod, sandbox);
}

}  // namespace

Result<AdmissionRequest> parse_review(JsonParser& parser, std::string_view body,
                                      const Sandbox& sandbox) {
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  AdmissionRequest request;
  if (root.is_present()) {
    expect(root.field("apiVersion"), "admission.k8s.io/v1");
    expect(root.field("kind"), "AdmissionReview");
    const JsonValue member = root.field("request");
    read_request(member, sandbox, request);
  }
  if (document.error()) return *document.error();
  return request;
}

}  // namespace webhook
