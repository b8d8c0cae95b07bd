#pragma once

#include "node/checks.h"

namespace webhook {

/// Whether each profile on the node is what its name says, and what is left over. A part of
/// check_node().
NodeCheck check_profile_files(const NodeFacts& facts);

}  // namespace webhook
