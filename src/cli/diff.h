#pragma once

#include <string>

namespace webhook {

/// A unified diff of two texts with three lines of context; empty if they are the same. `colour`
/// marks lines for a terminal.
std::string to_diff(const std::string& before, const std::string& after, const std::string& name,
                    bool colour);

}  // namespace webhook
