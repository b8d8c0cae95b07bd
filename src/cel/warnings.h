#pragma once

#include <string>
#include <vector>

#include "admission/sandbox.h"
#include "cel/variable.h"

namespace webhook {

/// A warning: given where `expression` is false. `message_expression` is empty where `message` says
/// it all.
struct Warning {
  std::string expression;
  std::string message;
  std::string message_expression;
};

/// What to_warnings() needs beside the facts and the decision.
void add_warning_variables(Variables& to, const Sandbox& sandbox);

/// What to_warnings() says, of the pod as it is about to be stored: whether one was privileged when
/// it came, or became so by the fallback, it does not show.
std::vector<Warning> to_policy_warnings(const Policy& policy);

}  // namespace webhook
