#include "cel/decision.h"

#include <string>

#include "admission/decision.h"
#include "cel/literal.h"

namespace webhook {
namespace {

std::string quote(Outcome outcome) { return to_cel_string(to_string(outcome)); }

/// What fallback() gives for pods that do not insist.
std::string to_fallback(const Policy& policy) {
  switch (policy.fallback) {
    case Fallback::kUnchanged: return quote(Outcome::kUnchanged);
    case Fallback::kDeny: return quote(Outcome::kDenied);
    case Fallback::kPrivileged: break;
  }
  // Who asks for a user namespace of the pod's own does not get a privileged container.
  return "variables.hostUsersIsFalse ? " + quote(Outcome::kDenied) + " : " +
         quote(Outcome::kPrivileged);
}

std::string to_outcome(Then then, const Policy& policy) {
  const std::string if_insists = "variables.insists ? " + quote(Outcome::kDenied) + " : ";
  switch (then) {
    case Then::kLeave: return quote(Outcome::kUnchanged);
    case Then::kLeaveOrDeny: return if_insists + quote(Outcome::kUnchanged);
    case Then::kFallBack: return if_insists + '(' + to_fallback(policy) + ')';
    case Then::kDeny: return quote(Outcome::kDenied);
    case Then::kSandbox: break;
  }
  return quote(Outcome::kSandboxed);
}

nlohmann::json reasons_with(Then then) {
  nlohmann::json reasons = nlohmann::json::array();
  for (const PolicyRow& row : to_policy_rows()) {
    if (row.then == then) reasons.push_back(to_string(row.reason));
  }
  return reasons;
}

std::string to_outcomes(const Policy& policy) {
  std::string cel;
  for (const Then then : {Then::kLeave, Then::kLeaveOrDeny, Then::kFallBack, Then::kDeny}) {
    cel += "variables.reason in " + to_cel(reasons_with(then)) + " ? (" + to_outcome(then, policy) +
           ") :\n";
  }
  return cel + to_outcome(Then::kSandbox, policy);
}

}  // namespace

void add_decision(Variables& to, const Policy& policy) {
  std::string reason;
  std::string obstacles;
  for (const PolicyRow& row : to_policy_rows()) {
    const std::string name = to_cel_string(to_string(row.reason));
    const bool is_last = row.then == Then::kSandbox;
    if (!is_last) reason.append("(").append(row.when).append(") ? ");
    reason.append(name).append(is_last ? "" : " :\n");
    if (is_last || row.then == Then::kLeave) continue;
    std::string when(row.when);
    // Its row looks at targets that are not privileged: it would match next.
    if (row.reason == Reason::kRunsWithoutNsjail) {
      for (const PolicyRow& other : to_policy_rows()) {
        if (other.reason != Reason::kExplicitSecurityContext) continue;
        when.insert(0, "(").append(") || variables.runsWithoutNsjail && (");
        when.append(other.when).append(")");
      }
    }
    obstacles.append(obstacles.empty() ? "((" : " +\n((").append(when);
    obstacles.append(") ? [").append(name).append("] : [])");
  }
  to.push_back({"reason", reason});
  to.push_back({"outcome", to_outcomes(policy)});
  to.push_back({"obstacles", obstacles});
}

}  // namespace webhook
