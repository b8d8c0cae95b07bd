#pragma once

#include <string>

#include "admission/decision.h"
#include "admission/policy.h"

namespace webhook {

/// What stands between a pod and the sandbox.
struct Obstacle {
  std::string what;
  std::string remedy;
  std::string brief;  ///< The remedy, beside `what` in a line that has to be short.
};

/// True for what whoever made the pod has set on the target: a pod that does not insist is left
/// alone for it.
bool is_of_the_target(Reason reason);

/// Of a reason that find_obstacles() gives.
Obstacle to_obstacle(Reason reason, const Policy& policy, const ClusterState& cluster);

}  // namespace webhook
