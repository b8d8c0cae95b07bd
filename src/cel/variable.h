#pragma once

#include <string>
#include <vector>

namespace webhook {

/// A variable of a policy: `variables.NAME` in what comes after it. API servers evaluate one when
/// it is first used, and once.
struct Variable {
  std::string name;
  std::string expression;
};

using Variables = std::vector<Variable>;

}  // namespace webhook
