#pragma once

#include <string>
#include <vector>

#include "admission/decision.h"
#include "admission/policy.h"
#include "base/text.h"

namespace webhook {

/// What the API server advises for one warning; it cuts longer ones when there are many.
inline constexpr std::size_t kMaxWarningLength = 120;

/// What `kubectl` shows beside its answer, each one line of at most kMaxWarningLength characters:
/// for each fallback why, for a target that is left privileged how to change it, beside a sandboxed
/// one what no sandbox holds, for a sandbox of the chart's own what it lacks, for a label that
/// means nothing what it could be. What is advised is all that it takes.
std::vector<std::string> to_warnings(const Decision& decision, const AdmissionRequest& request,
                                     const Policy& policy, const ClusterState& cluster);

/// Why a denied pod is refused, and what to change.
std::string to_denial(const Decision& decision, const AdmissionRequest& request,
                      const Policy& policy, const ClusterState& cluster);

}  // namespace webhook
