#pragma once

#include "scheduling/pod_constraints.h"
#include "support/plain_reading.h"

namespace webhook::plainly {

/// What a pod says of nodes, of a pod that says no more than is read.
PodConstraints read_constraints(const Json& spec);

Json to_fields(const PodConstraints& constraints);

}  // namespace webhook::plainly
