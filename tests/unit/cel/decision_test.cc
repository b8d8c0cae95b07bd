#include "cel/decision.h"

#include <algorithm>
#include <cctype>
#include <set>

#include <doctest/doctest.h>

#include "admission/decision.h"
#include "cel/facts.h"
#include "cel/mutation.h"
#include "cel/warnings.h"
#include "support/reviews.h"

namespace webhook {
namespace {

std::string expression_of(const Variables& variables, const std::string& name) {
  const auto found = std::find_if(variables.begin(), variables.end(),
                                  [&](const Variable& each) { return each.name == name; });
  REQUIRE_MESSAGE(found != variables.end(), name);
  return found->expression;
}

/// The variables that `cel` names.
std::set<std::string> names_in(const std::string& cel) {
  constexpr std::string_view kPrefix = "variables.";
  std::set<std::string> names;
  for (std::size_t at = cel.find(kPrefix); at != std::string::npos; at = cel.find(kPrefix, at)) {
    at += kPrefix.size();
    std::size_t end = at;
    while (end < cel.size() && std::isalnum(static_cast<unsigned char>(cel[end])) != 0) ++end;
    names.insert(cel.substr(at, end - at));
  }
  return names;
}

Sandbox sandbox_with(Delivery delivery) {
  Policy policy = small_policy();
  policy.delivery = delivery;
  return make_sandbox(policy);
}

TEST_CASE("each reason that a pod can reach is in the decision, in the order of the table") {
  Variables variables;
  add_decision(variables, small_policy());
  const std::string reason = expression_of(variables, "reason");
  std::size_t last = 0;
  for (const PolicyRow& row : to_policy_rows()) {
    const std::size_t place = reason.find('\'' + std::string(to_string(row.reason)) + '\'');
    CHECK_MESSAGE(place != std::string::npos, to_string(row.reason));
    CHECK_MESSAGE(place >= last, to_string(row.reason));
    last = place;
  }
}

TEST_CASE("a policy has all reasons but those of the request, the cluster and its nodes") {
  std::set<Reason> missing(kAllReasons.begin(), kAllReasons.end());
  for (const PolicyRow& row : to_policy_rows()) missing.erase(row.reason);
  CHECK(missing ==
        std::set{Reason::kNotAPodCreate, Reason::kClusterTooOld, Reason::kNoCapableNode});
}

TEST_CASE("each reason that is an obstacle has its words") {
  Variables variables;
  add_decision(variables, small_policy());
  add_denial(variables, small_policy());
  for (const PolicyRow& row : to_policy_rows()) {
    if (row.then == Then::kLeave || row.then == Then::kSandbox) continue;
    CAPTURE(to_string(row.reason));
    const std::string name = '\'' + std::string(to_string(row.reason)) + '\'';
    CHECK(expression_of(variables, "obstacles").find('[' + name + ']') != std::string::npos);
    for (const char* words : {"whats", "remedies"}) {
      CHECK(expression_of(variables, words).find(name + ": ") != std::string::npos);
    }
  }
}

TEST_CASE("variables are there before they are used, once each") {
  for (const Delivery delivery :
       {Delivery::kConfigMap, Delivery::kAnnotation, Delivery::kPreinstalled}) {
    const Sandbox sandbox = sandbox_with(delivery);
    Variables variables = to_facts(sandbox, "'profile'");
    add_decision(variables, sandbox.policy);
    add_denial(variables, sandbox.policy);
    add_patch_variables(variables, sandbox);
    add_warning_variables(variables, sandbox);
    variables.push_back({"mutation", to_mutation(sandbox)});
    std::string warnings;
    for (const Warning& warning : to_policy_warnings(sandbox.policy)) {
      warnings += warning.expression + warning.message_expression;
    }
    variables.push_back({"warnings", warnings});
    std::set<std::string> known;
    for (const auto& [name, expression] : variables) {
      for (const std::string& used : names_in(expression)) {
        CHECK_MESSAGE(known.count(used) == 1, name << " uses " << used);
      }
      CHECK_MESSAGE(known.insert(name).second, name);
    }
  }
}

/// What is open at the end of `cel`, outside its literals; "!" where something else was closed.
std::string open_in(const std::string& cel) {
  const std::string opening = "([{";
  const std::string closing = ")]}";
  std::string open;
  char quote = 0;
  for (std::size_t i = 0; i < cel.size(); ++i) {
    if (quote != 0) {
      if (cel[i] == '\\')
        ++i;
      else if (cel[i] == quote)
        quote = 0;
    } else if (cel[i] == '\'' || cel[i] == '"') {
      quote = cel[i];
    } else if (opening.find(cel[i]) != std::string::npos) {
      open += cel[i];
    } else if (const std::size_t kind = closing.find(cel[i]); kind != std::string::npos) {
      if (open.empty() || open.back() != opening[kind]) return "!";
      open.pop_back();
    }
  }
  return open;
}

TEST_CASE("what is opened is closed") {
  for (const Delivery delivery :
       {Delivery::kConfigMap, Delivery::kAnnotation, Delivery::kPreinstalled}) {
    for (const Fallback fallback : {Fallback::kPrivileged, Fallback::kUnchanged, Fallback::kDeny}) {
      Policy policy = small_policy();
      policy.delivery = delivery;
      policy.fallback = fallback;
      const Sandbox sandbox = make_sandbox(policy);
      Variables all = to_facts(sandbox, "'profile'");
      add_decision(all, policy);
      add_denial(all, policy);
      add_patch_variables(all, sandbox);
      add_warning_variables(all, sandbox);
      all.push_back({"mutation", to_mutation(sandbox)});
      for (const Warning& warning : to_policy_warnings(policy)) {
        all.push_back({warning.message, warning.expression});
        all.push_back({warning.message, warning.message_expression});
      }
      for (const auto& [name, expression] : all) CHECK_MESSAGE(open_in(expression).empty(), name);
    }
  }
}

}  // namespace
}  // namespace webhook
