#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "admission/admission.h"
#include "admission/admission_request.h"

namespace webhook {

/// The defaults with a profile of one line, so that what is expected fits on the screen.
Policy small_policy();

/// The sandbox of small_policy().
const Sandbox& small_sandbox();

/// A pod of the code-executor as a chart that sets nothing would make it.
nlohmann::json plain_pod();

/// The creation of a pod with these facts, and with a target.
AdmissionRequest creation_of(PodFacts pod);

/// An AdmissionReview of the creation of `pod`, as the API server sends it.
nlohmann::json to_review(const nlohmann::json& pod);

/// review() and parse_review() with a parser of their own, for tests that ask for one answer.
Result<Reviewed> review(std::string_view body, const Sandbox& sandbox, const ClusterState& cluster);
Result<AdmissionRequest> parse_review(std::string_view body, const Sandbox& sandbox);

/// The operations of `patch`.
nlohmann::json to_operations(const JsonPatch& patch);

/// Decodes RFC 4648 text; throws if it is not padded, or has a foreign character. Written apart
/// from the encoder that it checks.
std::string from_base64(std::string_view text);

}  // namespace webhook
