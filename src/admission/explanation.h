#pragma once

#include <string>
#include <vector>

#include "admission/decision.h"
#include "admission/policy.h"

namespace webhook {

/// A decision in words, for who asks why.
struct Explanation {
  Decision decision;
  std::string why;  ///< One line.
  /// What has to be done, all of it and no more, for the pod to be sandboxed. Empty where it is, or
  /// where nothing that can be changed would do.
  std::vector<std::string> to_sandbox;
  /// What the API server shows whoever creates the pod.
  std::vector<std::string> warnings;
};

/// Decides `request` and explains it.
Explanation explain(const AdmissionRequest& request, const Policy& policy,
                    const ClusterState& cluster);

}  // namespace webhook
