#include "admission/admission.h"

#include <utility>

#include "admission/admission_request.h"
#include "admission/sandbox_patch.h"
#include "base/json_text.h"

namespace webhook {
namespace {

JsonPatch to_patch(const Decision& decision, const PodFacts& pod, const Sandbox& sandbox) {
  switch (decision.outcome) {
    case Outcome::kSandboxed: return to_sandbox_patch(pod, sandbox);
    case Outcome::kPrivileged: return to_privileged_patch(pod);
    case Outcome::kUnchanged:
    case Outcome::kDenied: break;
  }
  return {};
}

void append_status(std::string& to, const Reviewed& reviewed) {
  const bool is_conflict = reviewed.reason == Reason::kNameConflict;
  to.append(R"(,"status":{"message":)");
  append_json_string(to, reviewed.message);
  to.append(is_conflict ? R"(,"reason":"Invalid","code":422})"
                        : R"(,"reason":"Forbidden","code":403})");
}

void append_warnings(std::string& to, const std::vector<std::string>& warnings) {
  to.append(R"(,"warnings":)");
  char separator = '[';
  for (const std::string& warning : warnings) {
    to += std::exchange(separator, ',');
    append_json_string(to, warning);
  }
  to += ']';
}

/// admission.k8s.io/v1 AdmissionReview with a response only. Put together as text: a document to be
/// printed would cost more than the decision.
std::string to_wire(const std::string& uid, const Reviewed& reviewed, const ClusterState& cluster) {
  constexpr std::size_t kRest = 512;
  std::string text;
  text.reserve(kRest + reviewed.patch.base64_size());
  text = R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",)"
         R"("response":{"uid":)";
  append_json_string(text, uid);
  const bool is_allowed = reviewed.outcome != Outcome::kDenied;
  text.append(is_allowed ? R"(,"allowed":true)" : R"(,"allowed":false)");
  text.append(R"(,"auditAnnotations":{"kubernetes-version":")").append(to_string(cluster.version));
  text.append(R"(","outcome":")").append(to_string(reviewed.outcome));
  text.append(R"(","reason":")").append(to_string(reviewed.reason)).append("\"}");
  if (!reviewed.warnings.empty()) append_warnings(text, reviewed.warnings);
  if (!is_allowed) append_status(text, reviewed);
  if (!reviewed.patch.empty()) {
    text.append(R"(,"patchType":"JSONPatch","patch":")");
    reviewed.patch.append_base64(text);
    text += '"';
  }
  return text.append("}}");
}

/// The beginning of `text`, whole characters of UTF-8.
std::string cut(std::string text) {
  if (text.size() <= kMaxLoggedText) return text;
  std::size_t end = kMaxLoggedText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  text.resize(end);
  return text;
}

}  // namespace

Result<Reviewed> review(JsonParser& parser, std::string_view body, const Sandbox& sandbox,
                        const ClusterState& cluster) {
  auto request = parse_review(parser, body, sandbox);
  if (!request) return request.error();
  PodFacts& pod = request->pod;
  if (pod.target) {
    pod.placement = to_placement(pod.constraints, pod.affinity_annotation, cluster.nodes.get());
  }
  const Decision decision = decide(*request, sandbox.policy, cluster);
  Reviewed reviewed{
      .uid = cut(request->uid),
      .ns = cut(std::move(request->ns)),
      .name = cut(std::move(request->name)),
      .dry_run = request->dry_run,
      .outcome = decision.outcome,
      .reason = decision.reason,
      .patch = to_patch(decision, request->pod, sandbox),
      .warnings = to_warnings(decision, *request, sandbox.policy, cluster),
      .message = to_denial(decision, *request, sandbox.policy, cluster),
      .wire = {},
  };
  reviewed.wire = to_wire(request->uid, reviewed, cluster);
  return reviewed;
}

}  // namespace webhook
