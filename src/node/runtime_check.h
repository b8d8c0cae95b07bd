#pragma once

#include "node/checks.h"
#include "node/facts.h"

namespace webhook {

/// Whether the container runtime that was asked runs pods with user namespaces. Pure.
NodeCheck check_container_runtime(const NodeFacts& facts);

}  // namespace webhook
