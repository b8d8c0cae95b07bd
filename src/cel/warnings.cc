#include "cel/warnings.h"

#include <string_view>

#include "admission/obstacles.h"
#include "admission/words.h"
#include "cel/facts.h"
#include "cel/literal.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

std::string quote(std::string_view text) { return to_cel_string(text); }
std::string quote(Reason reason) { return quote(to_string(reason)); }

/// The reasons that stand in the way beside the target's own context, with a text for each.
template <class ToText>
std::string to_texts(const Policy& policy, ToText to_text) {
  Json texts = Json::object();
  for (const PolicyRow& row : to_policy_rows()) {
    if (row.then == Then::kLeave || row.then == Then::kSandbox) continue;
    if (is_of_the_target(row.reason)) continue;
    const Obstacle obstacle = to_obstacle(row.reason, policy, {.version = kOldestSandboxVersion});
    texts[std::string(to_string(row.reason))] = to_text(row, obstacle);
  }
  return to_cel(texts);
}

std::string fallback_texts(const Policy& policy, std::string_view what_becomes) {
  return to_texts(policy, [&](const PolicyRow& row, const Obstacle& obstacle) {
    return to_fallback_warning(what_becomes, row.reason, obstacle);
  });
}

/// Of the target's chart default, to which the fallback makes a pod, too.
std::string chart_default_texts(const Policy& policy) {
  return to_texts(policy, [&](const PolicyRow& row, const Obstacle& obstacle) {
    const bool may_have_become =
        policy.fallback == Fallback::kPrivileged && row.then == Then::kFallBack;
    return may_have_become ? to_fallback_warning(kRunsPrivileged, row.reason, obstacle)
                           : to_blocked_warning(obstacle, false, "label it mode: sandbox");
  });
}

std::string blocked_texts(const Policy& policy, bool and_more, std::string_view last) {
  return to_texts(policy, [&](const PolicyRow&, const Obstacle& obstacle) {
    return to_blocked_warning(obstacle, and_more, last);
  });
}

std::string if_runs_without_nsjail(const std::string& without, const std::string& with) {
  return "(variables.runsWithoutNsjail ? " + without + " : " + with + ')';
}

/// `message_expression` has to be some text wherever it is evaluated.
Warning warn(const std::string& condition, std::string_view message,
             const std::string& message_expression = "") {
  return {.expression = "!(" + condition + ')',
          .message = std::string(message),
          .message_expression = message_expression};
}

void add_of_fallback(std::vector<Warning>& to, const Policy& policy) {
  const std::string_view stays =
      policy.fallback == Fallback::kPrivileged ? kRunsPrivileged : kStaysPrivileged;
  to.push_back(
      warn("variables.fallsBack", "code-executor is not sandboxed",
           "(variables.outcome == 'denied' ? " + fallback_texts(policy, "is refused") +
               " : variables.isPrivileged ? " + fallback_texts(policy, stays) + " : " +
               fallback_texts(policy, policy.fallback == Fallback::kPrivileged ? kRunsPrivileged
                                                                               : kIsLeftUnchanged) +
               ")[variables.reason]"));
}

void add_of_privileged(std::vector<Warning>& to, const Policy& policy) {
  const std::string stays = "variables.staysPrivileged";
  const std::string is_default = " && variables.contextIs == 'chart_default'";
  const std::string is_explicit = " && variables.contextIs == 'explicit'";
  const std::string is_free = " && variables.blockers.size() == 0";
  const std::string is_blocked = " && variables.blockers.size() > 0";
  to.push_back(warn(stays + is_default + is_free, kChartDefault));
  to.push_back(warn(stays + is_explicit + is_free, "code-executor stays privileged as set",
                    if_runs_without_nsjail(quote(to_own_context_warning(true)),
                                           quote(to_own_context_warning(false)))));
  const std::string more = blocked_texts(policy, true, "");
  const std::string by_context =
      if_runs_without_nsjail(blocked_texts(policy, false, to_remove_context(true)),
                             blocked_texts(policy, false, to_remove_context(false)));
  to.push_back(warn(stays + is_blocked, "code-executor stays privileged",
                    "(variables.blockers.size() > 1 && variables.contextIs == 'explicit' ? " +
                        more + " : variables.contextIs == 'explicit' ? " + by_context + " : " +
                        chart_default_texts(policy) + ")[variables.blockers[0]]"));
}

void add_of_own_sandbox(std::vector<Warning>& to) {
  const auto text = [](const std::string& lacks) {
    return quote(std::string(kOwnSandboxStart) + lacks + std::string(kOwnSandboxEnd));
  };
  const std::string users(kOwnUserNamespace);
  const std::string escalation(kNoEscalation);
  to.push_back(warn("variables.reason == " + quote(Reason::kExplicitSecurityContext) +
                        " && variables.outcome == 'unchanged' && !variables.isPrivileged && "
                        "variables.context.?seccompProfile.?type.orValue('') == 'Localhost' && "
                        "!(variables.hostUsersIsFalse && variables.forbidsEscalation)",
                    "code-executor has a sandbox of its own",
                    "(variables.hostUsersIsFalse ? " + text(escalation) +
                        " : variables.forbidsEscalation ? " + text(users) + " : " +
                        text(users + " and " + escalation) + ')'));
}

void add_kinds_of_reasons(Variables& to) {
  Json of_target = Json::array();
  Json falling = Json::array();
  for (const PolicyRow& row : to_policy_rows()) {
    if (is_of_the_target(row.reason)) of_target.push_back(to_string(row.reason));
    if (row.then == Then::kFallBack) falling.push_back(to_string(row.reason));
  }
  to.push_back(
      {"blockers", "variables.obstacles.filter(reason, !(reason in " + to_cel(of_target) + "))"});
  to.push_back({"fallsBack", "variables.reason in " + to_cel(falling)});
}

}  // namespace

void add_warning_variables(Variables& to, const Sandbox& sandbox) {
  const Policy& policy = sandbox.policy;
  const std::string target = quote(policy.container_name);
  const std::string& directory = policy.kubelet_seccomp_dir;
  const std::string root = quote(directory.substr(0, directory.rfind('/') + 1));
  const std::string seccomp = quote(directory + '/');
  const std::string mounts = "c.?volumeMounts.orValue([]).exists(m, m.name == v.name && ";
  const std::string place = '[' + to_mounted_place() + "].exists(p, ";
  to.push_back(
      {"mountsKubeletRoot",
       "variables.outsideVolumes.exists(v, has(v.hostPath) && [variables.target].exists(c, " +
           mounts + place + root + ".startsWith(p)))))"});
  to.push_back(
      {"canWriteProfiles",
       "variables.outsideVolumes.exists(v, has(v.hostPath) && variables.judged.exists(c, " +
           mounts + "!m.?readOnly.orValue(false) && " + place + "(p.startsWith(" + seccomp +
           ") || " + seccomp + ".startsWith(p)) && !(c.name == " + target + " && " + root +
           ".startsWith(p))))))"});
  to.push_back(
      {"hasPrivilegedSidecar", "(dyn(variables.containers.filter(c, c.name != " + target +
                                   ")) + dyn(variables.ephemeralContainers) + "
                                   "dyn(variables.initContainers.filter(c, c.name != " +
                                   quote(kInstaller) +
                                   " && c.?restartPolicy.orValue('') == 'Always'))).exists(c, "
                                   "c.?securityContext.?privileged.orValue(false))"});
  to.push_back({"forbidsEscalation", "!variables.context.?allowPrivilegeEscalation.orValue(true)"});
  to.push_back({"isSandboxed", "variables.reason in [" + quote(Reason::kAlreadySandboxed) + ", " +
                                   quote(Reason::kSupported) + ']'});
  to.push_back(
      {"staysPrivileged",
       "variables.isPrivileged && variables.outcome == 'unchanged' && variables.reason == " +
           quote(Reason::kExplicitSecurityContext)});
  add_kinds_of_reasons(to);
}

std::vector<Warning> to_policy_warnings(const Policy& policy) {
  std::vector<Warning> warnings;
  const std::string shown = std::to_string(kMaxShownMode);
  warnings.push_back(warn("!(variables.mode in ['', 'off', 'sandbox'])",
                          "label code-executor-webhook/mode is ignored",
                          quote(kModeIgnoredStart) + " + (variables.mode.size() > " + shown +
                              " ? variables.mode.substring(0, " + shown +
                              ") + '...' : variables.mode) + " + quote(kModeIgnoredEnd)));
  add_of_fallback(warnings, policy);
  warnings.push_back(
      warn("variables.isSandboxed && variables.mountsKubeletRoot", kMountsKubeletRoot));
  warnings.push_back(
      warn("variables.isSandboxed && variables.canWriteProfiles", kCanWriteProfiles));
  warnings.push_back(
      warn("variables.isSandboxed && variables.hasPrivilegedSidecar", kPrivilegedSidecar));
  warnings.push_back(
      warn("variables.reason == " + quote(Reason::kMirrorPod) + " && variables.isPrivileged",
           kStaticPod));
  add_of_privileged(warnings, policy);
  add_of_own_sandbox(warnings);
  return warnings;
}

}  // namespace webhook
