#pragma once

#include <string_view>
#include <utility>

#include "admission/decision.h"

namespace webhook {

/// The outcome and the reason that the decision table of release 0.1.0 gave, of the facts that are
/// read today. It is kept to compare with: what it left alone must not become worse off.
std::pair<std::string_view, std::string_view> decide_0_1_0(const AdmissionRequest& request,
                                                           const Policy& policy,
                                                           const ClusterState& cluster);

}  // namespace webhook
