// The invariants of the golden cases, over pods that nobody thought of.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "support/invariants.h"
#include "support/node_generator.h"
#include "support/pod_generator.h"
#include "support/reviews.h"

namespace webhook {
namespace {

constexpr std::uint64_t kPods = 2000;

/// The first seed: fixed, so that a failure stays, unless the environment names another.
std::uint64_t first_seed() {
  const char* text = std::getenv("PROPERTY_SEED");
  return text != nullptr ? std::stoull(text) : 20'250'423;
}

/// Each combination of what a policy can say comes up in turn.
Policy policy_of(std::uint64_t seed) {
  constexpr const char* kAppArmor[] = {"Unconfined", "RuntimeDefault", "Localhost/a/b", ""};
  constexpr Fallback kFallbacks[] = {Fallback::kPrivileged, Fallback::kUnchanged, Fallback::kDeny};
  constexpr Delivery kDeliveries[] = {Delivery::kConfigMap, Delivery::kAnnotation,
                                      Delivery::kPreinstalled};
  Policy policy = small_policy();
  policy.delivery = kDeliveries[seed % 3];
  policy.fallback = kFallbacks[seed / 3 % 3];
  policy.replace_chart_default = seed / 9 % 2 == 0;
  policy.app_armor_profile = kAppArmor[seed / 18 % 4];
  if (seed % 5 == 1) policy.node_fallback = kFallbacks[seed / 5 % 3];
  if (seed / 72 % 2 == 0) policy.installer_se_linux_options = {{"type", "spc_t"}};
  return policy;
}

TEST_CASE("whatever the pod, the patch applies, says what it should, and is not made twice") {
  const std::uint64_t first = first_seed();
  MESSAGE("seeds from ", first, "; PROPERTY_SEED=n starts at another");
  PatchLog log(std::filesystem::path(PATCH_LOGS) / "property.jsonl");
  std::map<std::string_view, int> seen;
  for (std::uint64_t seed = first; seed < first + kPods; ++seed) {
    CAPTURE(seed);
    const Policy policy = policy_of(seed);
    const ClusterState cluster{.version = {1, seed % 10 == 0 ? 32 : 34},
                               .api_servers_differ = seed % 20 == 0,
                               .nodes = seed % 4 == 0 ? nullptr : generate_nodes(seed)};
    const Reviewed reviewed =
        check_review("seed " + std::to_string(seed), generate_review(seed, policy),
                     make_sandbox(policy), cluster, log);
    ++seen[to_string(reviewed.outcome)];
    ++seen[to_string(reviewed.reason)];
  }
  // The generator must not drift to pods that are all alike.
  for (const Outcome outcome : kAllOutcomes) {
    CHECK_MESSAGE(seen[to_string(outcome)] >= 50, to_string(outcome));
  }
  for (const Reason reason : kAllReasons) {
    if (reason == Reason::kAlreadySandboxed) continue;  // the second review of each sandboxed one
    CHECK_MESSAGE(seen[to_string(reason)] >= 1, to_string(reason));
  }
}

}  // namespace
}  // namespace webhook
