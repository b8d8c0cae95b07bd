#pragma once

#include "admission/sandbox.h"
#include "cel/variable.h"

namespace webhook {

/// The decision table, in CEL, after the facts: variables `reason` and `outcome`, and `obstacles`,
/// the reasons that find_obstacles() gives.
void add_decision(Variables& to, const Policy& policy);

/// Why a pod is denied, after the decision: variable `denial`, what to_denial() says.
void add_denial(Variables& to, const Policy& policy);

}  // namespace webhook
