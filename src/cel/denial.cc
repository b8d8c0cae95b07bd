#include <string>

#include "admission/obstacles.h"
#include "admission/words.h"
#include "cel/decision.h"
#include "cel/literal.h"

namespace webhook {
namespace {

std::string quote(std::string_view text) { return to_cel_string(text); }

/// "a, b and c" of a list of strings.
std::string join(const std::string& list) {
  return list + ".transformList(i, word, (i == 0 ? '' : i + 1 == " + list +
         ".size() ? ' and ' : ', ') + word).join()";
}

/// The cluster is not asked about: the gate is the API itself.
Obstacle obstacle_of(Reason reason, const Policy& policy) {
  return to_obstacle(reason, policy, {.version = kOldestSandboxVersion});
}

/// `member` of the obstacle of each reason, by its name.
std::string to_words(const Policy& policy, std::string Obstacle::*member) {
  nlohmann::json words;
  for (const PolicyRow& row : to_policy_rows()) {
    if (row.then == Then::kLeave || row.then == Then::kSandbox) continue;
    words[std::string(to_string(row.reason))] = obstacle_of(row.reason, policy).*member;
  }
  return to_cel(words);
}

std::string to_conflict() {
  return "(variables.contextIs != 'ours' && !variables.profileVolumesOurs.all(o, o) ? " +
         quote(kForeignProfileVolume) +
         " : variables.contextIs != 'ours' && !variables.hostVolumesOurs.all(o, o) ? " +
         quote(kForeignHostVolume) +
         " : variables.hasContainerOfOurName || variables.contextIs != 'ours' && "
         "!variables.installersOurs.all(o, o) ? " +
         quote(kForeignInstaller) + " : " + quote(kForeignMount) + ") + " + quote(kRenameIt);
}

std::string reasons_that_fall_back() {
  nlohmann::json reasons = nlohmann::json::array();
  for (const PolicyRow& row : to_policy_rows()) {
    if (row.then == Then::kFallBack) reasons.push_back(to_string(row.reason));
  }
  return to_cel(reasons);
}

/// would_fall_back(): without what makes it insist.
std::string to_would_fall_back(const Policy& policy) {
  const std::string kinds =
      policy.replace_chart_default ? "['absent', 'ours', 'chart_default']" : "['absent', 'ours']";
  return "variables.reason in " + reasons_that_fall_back() +
         " && !(variables.runsWithoutNsjail && !variables.isPrivileged) && variables.contextIs "
         "in " +
         kinds;
}

/// What is to be removed, for the pod to come to be admitted as it is.
std::string to_removals(const Policy& policy) {
  std::string cel = "(variables.mode == 'sandbox' ? [" + quote(kInsistingLabel) +
                    "] : []) + (variables.contextIs == 'ours' ? [" + quote(kOwnContext) + "] : [])";
  if (policy.fallback == Fallback::kPrivileged) {
    cel += " + (variables.hostUsersIsFalse && variables.wouldFallBack ? [" +
           quote(kOwnUserNamespace) + "] : [])";
  }
  return cel;
}

std::string to_way_out(const Policy& policy) {
  std::string cel = "', or ' + (variables.removals.size() == 0 ? '' : 'remove ' + " +
                    join("variables.removals") + ')';
  if (policy.fallback == Fallback::kDeny) {
    cel += " + (variables.wouldFallBack ? (variables.removals.size() == 0 ? '' : ' and ') + " +
           quote(kChangeFallback) + " : '')";
  }
  return cel + " + ')'";
}

}  // namespace

void add_denial(Variables& to, const Policy& policy) {
  to.push_back({"whats", "variables.obstacles.map(reason, " + to_words(policy, &Obstacle::what) +
                             "[reason])"});
  to.push_back({"remedies", "variables.obstacles.map(reason, " +
                                to_words(policy, &Obstacle::remedy) + "[reason])"});
  to.push_back({"wouldFallBack", to_would_fall_back(policy)});
  to.push_back({"removals", to_removals(policy)});
  to.push_back({"denial", "variables.reason == " + quote(to_string(Reason::kNameConflict)) + " ? " +
                              to_conflict() + " :\n" + quote(kCannotBeSandboxed) + " + " +
                              join("variables.whats") + " + ' (' + " + join("variables.remedies") +
                              " + " + to_way_out(policy)});
}

}  // namespace webhook
