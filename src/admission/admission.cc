#include "admission/admission.h"

#include <nlohmann/json.hpp>

#include "admission/admission_request.h"
#include "admission/sandbox_patch.h"
#include "base/base64.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

JsonPatch to_patch(const Decision& decision, const PodFacts& pod, const Sandbox& sandbox) {
  switch (decision.outcome) {
    case Outcome::kSandboxed: return to_sandbox_patch(pod, sandbox);
    case Outcome::kPrivileged: return to_privileged_patch(pod);
    case Outcome::kUnchanged:
    case Outcome::kDenied: break;
  }
  return {};
}

/// admission.k8s.io/v1 AdmissionReview with a response only. The patch, nearly all of it, is put in
/// as text: base64 needs no escapes.
std::string to_wire(const std::string& uid, const Reviewed& reviewed, const ClusterState& cluster) {
  Json response = {{"uid", uid},
                   {"allowed", reviewed.outcome != Outcome::kDenied},
                   {"auditAnnotations",
                    {{"outcome", to_string(reviewed.outcome)},
                     {"reason", to_string(reviewed.reason)},
                     {"kubernetes-version", to_string(cluster.version)}}}};
  if (!reviewed.warnings.empty()) response["warnings"] = reviewed.warnings;
  if (reviewed.outcome == Outcome::kDenied) {
    const bool is_conflict = reviewed.reason == Reason::kNameConflict;
    response["status"] = {{"message", reviewed.message},
                          {"reason", is_conflict ? "Invalid" : "Forbidden"},
                          {"code", is_conflict ? 422 : 403}};
  }
  std::string text = response.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (!reviewed.patch.empty()) {
    text.pop_back();
    text.append(R"(,"patchType":"JSONPatch","patch":")");
    text.append(to_base64(reviewed.patch.to_json())).append("\"}");
  }
  return R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":)" + text + '}';
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
