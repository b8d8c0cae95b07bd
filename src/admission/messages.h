#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admission/decision.h"
#include "admission/policy.h"

namespace webhook {

/// `text` in printable ASCII, at most `limit` characters of it, so that it can stand in one line.
std::string to_printable(std::string_view text, std::size_t limit);

/// What `kubectl` shows beside its answer: for each fallback why, for the chart's default that is
/// kept how to change it, for a label that means nothing what it could be.
std::vector<std::string> to_warnings(const Decision& decision, const PodFacts& pod,
                                     const Policy& policy, const ClusterState& cluster);

/// Why a denied pod is refused, and what to change.
std::string to_denial(const Decision& decision, const PodFacts& pod, const Policy& policy,
                      const ClusterState& cluster);

}  // namespace webhook
