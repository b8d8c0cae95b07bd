#pragma once

#include <string>
#include <vector>

#include "cli/explained.h"

namespace webhook {

/// Prints a line for each pod, and on stderr how many there are of each state. Throws
/// std::runtime_error where there are some of a state in `fail_on`, words of PodState.
void print_all(const std::vector<Explained>& pods, const std::vector<std::string>& fail_on,
               bool as_json);

}  // namespace webhook
