// Every combination of the facts that the decision table reads, each result reviewed again, and
// compared with what release 0.1.0 decided.
#include <array>
#include <set>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "admission/sandbox_patch.h"
#include "support/reviews.h"
#include "support/table_0_1_0.h"

namespace webhook {
namespace {

/// What a review depends on.
struct World {
  AdmissionRequest request;
  Policy policy;
  ClusterState cluster{.version = {1, 34}};
};

using Set = void (*)(World&);

void own_names(World& world) {
  PodFacts& pod = world.request.pod;
  pod.has_checksum = true;
  pod.has_volumes = pod.has_init_containers = true;
  for (Named* named : {&pod.profile_volume, &pod.host_volume, &pod.installer}) {
    named->first = 0;
    named->first_is_ours = true;
  }
  pod.host_volume.first = 1;
}

PodFacts& pod(World& world) { return world.request.pod; }

constexpr std::array<Set, 5> kBefore{
    [](World&) {}, [](World& w) { w.request.is_pod_create = false; },
    [](World& w) { pod(w).is_mirror = true; }, [](World& w) { pod(w).is_windows = true; },
    [](World& w) { pod(w).target.reset(); }};

constexpr std::array<Set, 3> kModes{[](World&) {}, [](World& w) { pod(w).mode = "off"; },
                                    [](World& w) { pod(w).mode = "sandbox"; }};

constexpr std::array<Set, 8> kContexts{
    [](World&) {},
    [](World& w) {
      pod(w).context = {
          .kind = ContextKind::kOurs, .unmasks_proc = true, .has_current_profile = true};
    },
    [](World& w) {
      pod(w).context = {.kind = ContextKind::kOurs,
                        .keeps_members = true,
                        .unmasks_proc = true,
                        .app_armor = AppArmorEdit::kSet};
    },
    [](World& w) { pod(w).context = {.kind = ContextKind::kChartDefault, .is_privileged = true}; },
    [](World& w) {
      pod(w).context = {
          .kind = ContextKind::kChartDefault, .is_privileged = true, .keeps_members = true};
    },
    [](World& w) { pod(w).context = {.kind = ContextKind::kExplicit}; },
    [](World& w) { pod(w).context = {.kind = ContextKind::kExplicit, .is_privileged = true}; },
    [](World& w) { pod(w).context = {.kind = ContextKind::kExplicit, .unmasks_proc = true}; }};

constexpr std::array<Set, 2> kNsjail{[](World&) {},
                                     [](World& w) { pod(w).runs_without_nsjail = true; }};

constexpr std::array<Set, 3> kHostUsers{[](World&) {}, [](World& w) { pod(w).host_users = true; },
                                        [](World& w) { pod(w).host_users = false; }};

constexpr std::array<Set, 7> kObstacles{
    [](World&) {},
    [](World& w) { pod(w).uses_host_namespace = true; },
    [](World& w) { pod(w).has_raw_block_volume = true; },
    [](World& w) { pod(w).has_unmappable_volume = true; },
    [](World& w) { pod(w).has_unmapped_id = true; },
    [](World& w) { pod(w).placement.outlook = NodeOutlook::kAllBad; },
    [](World& w) { pod(w).has_unmapped_id = pod(w).has_raw_block_volume = true; }};

constexpr std::array<Set, 8> kNames{[](World&) {},
                                    own_names,
                                    [](World& w) {
                                      own_names(w);
                                      pod(w).has_checksum = false;
                                    },
                                    [](World& w) {
                                      own_names(w);
                                      pod(w).host_volume.first_is_ours =
                                          pod(w).host_volume.all_are_ours = false;
                                    },
                                    [](World& w) {
                                      own_names(w);
                                      pod(w).installer.first = 1;
                                      pod(w).profile_volume.others = {2};
                                    },
                                    [](World& w) {
                                      own_names(w);
                                      pod(w).installer.others = {1};
                                      pod(w).installer.all_are_ours = false;
                                    },
                                    [](World& w) {
                                      pod(w).profile_annotation = Presence::kForeign;
                                      pod(w).has_annotations = true;
                                    },
                                    [](World& w) {
                                      pod(w).installer.first = 0;
                                      pod(w).installer.all_are_ours = false;
                                    }};

constexpr std::array<Set, 3> kConflicts{[](World&) {},
                                        [](World& w) { pod(w).has_foreign_mount = true; },
                                        [](World& w) { pod(w).has_container_of_our_name = true; }};

constexpr std::array<Set, 5> kClusters{[](World&) {},
                                       [](World& w) {
                                         w.cluster.version = {1, 32};
                                       },
                                       [](World& w) { w.cluster.drops_sandbox = true; },
                                       [](World& w) {
                                         w.cluster.version = {1, 32};
                                         w.cluster.api_servers_differ = true;
                                       },
                                       [](World& w) { w.cluster.api_servers_differ = true; }};

constexpr std::array<Set, 3> kFallbacks{[](World&) {},
                                        [](World& w) { w.policy.fallback = Fallback::kUnchanged; },
                                        [](World& w) { w.policy.fallback = Fallback::kDeny; }};

constexpr std::array<Set, 4> kNodeFallbacks{
    [](World&) {}, [](World& w) { w.policy.node_fallback = Fallback::kPrivileged; },
    [](World& w) { w.policy.node_fallback = Fallback::kUnchanged; },
    [](World& w) { w.policy.node_fallback = Fallback::kDeny; }};

constexpr std::array<Set, 4> kPlacements{
    [](World&) {},
    [](World& w) {
      pod(w).placement.edits = {{AffinityEdit::Operation::kAdd, "/spec/affinity", "{}"}};
      pod(w).placement.mark = "a notin (b)";
      pod(w).placement.changes_mark = true;
    },
    [](World& w) {
      pod(w).has_annotations = true;
      pod(w).placement.changes_mark = true;
    },
    [](World& w) { pod(w).placement.outlook = NodeOutlook::kAllBad; }};

constexpr std::array<Set, 2> kReplaces{[](World&) {},
                                       [](World& w) { w.policy.replace_chart_default = true; }};

constexpr std::array<Set, 3> kDeliveries{
    [](World&) {}, [](World& w) { w.policy.delivery = Delivery::kAnnotation; },
    [](World& w) { w.policy.delivery = Delivery::kPreinstalled; }};

/// The facts of the pod after its patch, as the next review reads them.
PodFacts after(const PodFacts& before, Outcome outcome, const Policy& policy) {
  PodFacts pod = before;
  if (outcome == Outcome::kPrivileged && !pod.context.is_privileged) {
    pod.context = {.kind = ContextKind::kChartDefault, .is_privileged = true};
  }
  if (outcome != Outcome::kSandboxed) return pod;
  pod.host_users = false;
  pod.context = {.kind = ContextKind::kOurs,
                 .keeps_members = pod.context.keeps_members,
                 .unmasks_proc = true,
                 .forbids_escalation = true,
                 .has_localhost_profile = true,
                 .has_current_profile = true};
  pod.has_checksum = pod.has_metadata = pod.has_annotations = true;
  pod.placement.edits.clear();
  pod.placement.changes_mark = false;
  pod.profile_annotation =
      policy.delivery == Delivery::kAnnotation ? Presence::kOurs : Presence::kAbsent;
  pod.installer_edits.clear();
  for (Named* named : {&pod.profile_volume, &pod.host_volume, &pod.installer}) {
    *named = {};
    if (policy.delivery == Delivery::kPreinstalled) continue;
    named->first = 0;
    named->first_is_ours = true;
  }
  return pod;
}

/// What CHANGELOG tells to look for: everything that 0.1.0 sandboxed or left alone, and that is
/// denied now.
bool may_be_denied_now(const World& world, const Decision& decision) {
  const PodFacts& pod = world.request.pod;
  const bool is_row_6 = decision.reason == Reason::kClusterTooOld && !decision.is_fallback;
  // A pod that never started: 0.1.0 sandboxed it all the same.
  const bool never_started =
      decision.reason == Reason::kUnmappableVolume || decision.reason == Reason::kUnmappedId;
  // 0.1.0 did not know the chart's default where members are kept beside it, or nsjail is off.
  const bool is_replaced_now = decision.reason == Reason::kNameConflict &&
                               pod.context.kind == ContextKind::kChartDefault &&
                               world.policy.replace_chart_default;
  return is_row_6 || insists_on_sandbox(pod) || never_started || pod.has_foreign_mount ||
         is_replaced_now ||
         (decision.is_fallback && fallback_for(decision.reason, world.policy) == Fallback::kDeny) ||
         (decision.is_fallback && pod.host_users == false) ||
         (decision.reason == Reason::kClusterTooOld && world.cluster.api_servers_differ);
}

void check_against_0_1_0(const World& world, const Decision& decision) {
  const auto [outcome, reason] = decide_0_1_0(world.request, world.policy, world.cluster);
  const PodFacts& pod = world.request.pod;
  if (decision.outcome == Outcome::kPrivileged && !pod.context.is_privileged) {
    // 0.1.0 sandboxed it where it would never start.
    const bool never_started = decision.reason == Reason::kUnmappableVolume ||
                               decision.reason == Reason::kUnmappedId ||
                               decision.reason == Reason::kNoCapableNode;
    CHECK((outcome == "privileged" || never_started));
  }
  if (decision.outcome == Outcome::kDenied && outcome != "denied" && outcome != "privileged") {
    CHECK(may_be_denied_now(world, decision));
  }
}

/// The patch is empty exactly where nothing is said to change, and the next review changes nothing.
void check_again(World world, const Decision& first, const Sandbox& sandbox) {
  const PodFacts before = world.request.pod;
  if (first.outcome == Outcome::kSandboxed) {
    CHECK_FALSE(to_sandbox_patch(before, sandbox).empty());
    const bool may_replace = world.policy.replace_chart_default || before.mode == "sandbox";
    CHECK((!before.context.is_privileged || may_replace));
  }
  if (first.reason == Reason::kAlreadySandboxed) CHECK(to_sandbox_patch(before, sandbox).empty());
  world.request.pod = after(before, first.outcome, world.policy);
  const Decision second = decide(world.request, world.policy, world.cluster);
  if (first.outcome == Outcome::kSandboxed) {
    CHECK((second.reason == Reason::kAlreadySandboxed));
    CHECK(to_sandbox_patch(world.request.pod, sandbox).empty());
  } else if (first.outcome == Outcome::kPrivileged) {
    const bool is_left =
        second.outcome == Outcome::kPrivileged || second.reason == Reason::kExplicitSecurityContext;
    CHECK(is_left);
    CHECK(to_privileged_patch(world.request.pod).empty());
  }
}

void check_safety(const World& world, const Decision& decision) {
  const PodFacts& pod = world.request.pod;
  if (decision.outcome == Outcome::kSandboxed) {
    CHECK(can_keep_sandbox(world.policy, world.cluster));
  }
  if (decision.reason == Reason::kNoCapableNode) CHECK(world.policy.node_fallback);
  if (decision.outcome == Outcome::kPrivileged) {
    CHECK_FALSE(insists_on_sandbox(pod));
    CHECK_FALSE(pod.host_users == false);
  }
  const bool is_judged = decision.reason > Reason::kWindows && decision.reason != Reason::kOptedOut;
  if (is_judged && insists_on_sandbox(pod)) {
    CHECK((decision.outcome == Outcome::kSandboxed || decision.outcome == Outcome::kDenied ||
           decision.reason == Reason::kAlreadySandboxed));
  }
}

/// Calls `visit` with each combination of one of each list.
template <class Visit>
void combine(const World& world, Visit visit) {
  visit(world);
}

template <class Visit, class List, class... Lists>
void combine(const World& world, Visit visit, const List& list, const Lists&... lists) {
  for (const Set set : list) {
    World next = world;
    set(next);
    combine(next, visit, lists...);
  }
}

TEST_CASE("whatever the facts, the table is safe, comes to rest, and is no worse than 0.1.0's") {
  World plain;
  plain.request.is_pod_create = true;
  plain.request.pod.target = 0;
  plain.request.pod.has_metadata = true;
  std::array<Sandbox, 3> sandboxes{make_sandbox(small_policy()), make_sandbox(small_policy()),
                                   make_sandbox(small_policy())};
  for (const Delivery delivery :
       {Delivery::kConfigMap, Delivery::kAnnotation, Delivery::kPreinstalled}) {
    Policy policy = small_policy();
    policy.delivery = delivery;
    sandboxes[static_cast<std::size_t>(delivery)] = make_sandbox(policy);
  }
  std::set<std::pair<Reason, Outcome>> seen;
  std::size_t combinations = 0;
  const auto visit = [&](const World& world) {
    const Decision decision = decide(world.request, world.policy, world.cluster);
    seen.insert({decision.reason, decision.outcome});
    check_safety(world, decision);
    check_against_0_1_0(world, decision);
    check_again(world, decision, sandboxes[static_cast<std::size_t>(world.policy.delivery)]);
    ++combinations;
  };
  // Each list with all the others that the same rows read.
  combine(plain, visit, kModes, kContexts, kNsjail, kHostUsers, kObstacles, kConflicts, kClusters,
          kFallbacks, kReplaces);
  combine(plain, visit, kModes, kContexts, kNsjail, kHostUsers, kNames, kPlacements, kFallbacks,
          kNodeFallbacks, kDeliveries);
  combine(plain, visit, kModes, kContexts, kHostUsers, kNames, kConflicts, kClusters, kReplaces,
          kDeliveries);
  combine(plain, visit, kBefore, kModes, kContexts, kNsjail, kHostUsers, kClusters, kFallbacks);
  MESSAGE(combinations, " combinations");
  CHECK(combinations > 150'000);
  for (const Reason reason : kAllReasons) {
    for (const Outcome outcome : kAllOutcomes) {
      CAPTURE(to_string(reason));
      CAPTURE(to_string(outcome));
      CHECK(seen.contains({reason, outcome}) == can_lead_to(reason, outcome));
    }
  }
}

}  // namespace
}  // namespace webhook
