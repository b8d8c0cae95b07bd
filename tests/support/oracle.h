#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "admission/admission_request.h"

namespace webhook {

/// What parse_review should read of `review`, which must be a valid v1 AdmissionReview: the same
/// facts, read the obvious way from a whole document in memory.
AdmissionRequest read_plainly(const nlohmann::json& review, const Sandbox& sandbox);

/// All that is in `request`, to compare and to print.
nlohmann::json to_fields(const AdmissionRequest& request);

}  // namespace webhook
