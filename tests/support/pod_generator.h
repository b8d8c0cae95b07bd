#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

#include "admission/policy.h"

namespace webhook {

/// The review of a pod of all kinds: parents that are absent, null, empty, short or long; sidecars,
/// names of ours in other hands and in ours, annotations with '/' and '~', fields that nobody
/// knows, text in other scripts. All of it would pass for JSON of the API server. Equal seeds give
/// equal reviews. Text that must not come back in an answer holds "canary".
nlohmann::json generate_review(std::uint64_t seed, const Policy& policy);

}  // namespace webhook
