#pragma once

#include <string>
#include <string_view>

#include "admission/policy.h"
#include "base/result.h"

namespace webhook {

/// `manifest`, manifests/final-state-policy/validating-admission-policy.yaml, with the
/// names, paths and digests of `policy` in place of the defaults, and first of all, what refuses
/// the pods that the mutating policy marked. Error: something that is to be replaced is not in the
/// manifest.
Result<std::string> to_final_state(std::string_view manifest, const Policy& policy);

}  // namespace webhook
