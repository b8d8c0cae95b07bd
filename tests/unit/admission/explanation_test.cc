// What an explanation says is to be done is all that it takes, and no more than that.
#include "admission/explanation.h"

#include <functional>
#include <map>

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

struct World {
  AdmissionRequest request;
  Policy policy;
  ClusterState cluster{.version = {1, 34}};
};

using Change = std::function<void(World&)>;

PodFacts& pod(World& world) { return world.request.pod; }

Explanation explain(const World& world) {
  return explain(world.request, world.policy, world.cluster);
}

const std::map<std::string, Change>& steps() {
  const auto label = [](World& w) { pod(w).mode = "sandbox"; };
  static const std::map<std::string, Change> kSteps = {
      {"Kubernetes 1.32 is older than 1.33: upgrade the cluster",
       [](World& w) {
         w.cluster.version = {1, 33};
       }},
      {"the API server drops hostUsers or procMount: turn on its features UserNamespacesSupport "
       "and "
       "ProcMountType",
       [](World& w) { w.cluster.drops_sandbox = false; }},
      {"it has a securityContext of its own: remove its securityContext",
       [](World& w) { pod(w).context = {}; }},
      {"it runs user code without nsjail: remove env CONTAINER_UNPRIVILEGED_MODE",
       [](World& w) { pod(w).runs_without_nsjail = false; }},
      {"label the pod code-executor-webhook/mode: sandbox, or set sandbox.replaceChartDefault: "
       "true",
       label},
      {"change the pod's label code-executor-webhook/mode from off to sandbox", label},
      {"remove the pod's label code-executor-webhook/mode: off",
       [](World& w) { pod(w).mode = ""; }},
      {"the pod has no container 'code-executor': name it 'code-executor'",
       [](World& w) { pod(w).target = 0; }},
      {"it uses hostNetwork, hostPID or hostIPC: remove hostNetwork, hostPID and hostIPC",
       [](World& w) { pod(w).uses_host_namespace = false; }},
      {"it sets hostUsers: true: remove hostUsers",
       [](World& w) { pod(w).host_users = std::nullopt; }},
      {"a container has volumeDevices: remove volumeDevices",
       [](World& w) { pod(w).has_raw_block_volume = false; }},
      {"it mounts a hostPath of /dev, /proc or /sys, or nfs: remove that volume",
       [](World& w) { pod(w).has_unmappable_volume = false; }},
      {"a user or group id is not below 65536: use ids below 65536",
       [](World& w) { pod(w).has_unmapped_id = false; }},
      {"it has names that code-executor-webhook uses: rename them",
       [](World& w) { pod(w).has_foreign_mount = false; }},
  };
  return kSteps;
}

std::vector<std::vector<Change>> axes() {
  const Change nothing = [](World&) {};
  const auto context = [](TargetContext of_target) {
    return [of_target](World& w) { pod(w).context = of_target; };
  };
  return {
      {nothing, context({.kind = ContextKind::kOurs, .unmasks_proc = true}),
       context({.kind = ContextKind::kChartDefault, .is_privileged = true}),
       context({.kind = ContextKind::kExplicit, .is_privileged = true}),
       context({.kind = ContextKind::kExplicit, .unmasks_proc = true})},
      {nothing, [](World& w) { pod(w).mode = "off"; }, [](World& w) { pod(w).mode = "sandbox"; }},
      {nothing, [](World& w) { pod(w).runs_without_nsjail = true; }},
      {nothing,
       [](World& w) {
         w.cluster.version = {1, 32};
       },
       [](World& w) { w.cluster.drops_sandbox = true; }},
      {nothing, [](World& w) { pod(w).host_users = false; },
       [](World& w) { pod(w).host_users = true; }},
      {nothing, [](World& w) { pod(w).target.reset(); }},
      {nothing, [](World& w) { pod(w).uses_host_namespace = true; },
       [](World& w) { pod(w).has_raw_block_volume = pod(w).has_unmapped_id = true; }},
      {nothing, [](World& w) { pod(w).has_unmappable_volume = pod(w).has_foreign_mount = true; }},
      {nothing, [](World& w) { w.policy.replace_chart_default = true; }},
      {nothing, [](World& w) { w.policy.fallback = Fallback::kDeny; },
       [](World& w) { w.policy.fallback = Fallback::kUnchanged; }},
  };
}

/// Every combination of the axes, but targets that say something and are not there.
template <class Visit>
void for_each_world(const std::vector<std::vector<Change>>& axes, Visit visit, const World& world,
                    std::size_t axis = 0) {
  if (axis == axes.size()) {
    const PodFacts& pod = world.request.pod;
    const bool is_real =
        pod.target || (pod.context.kind == ContextKind::kAbsent && !pod.runs_without_nsjail);
    if (is_real) visit(world);
    return;
  }
  for (const Change& change : axes[axis]) {
    World next = world;
    change(next);
    for_each_world(axes, visit, next, axis + 1);
  }
}

World plain_world() { return {.request = creation_of({}), .policy = {}}; }

/// The world after all steps but the one that is `left_out`.
World follow(World world, const std::vector<std::string>& all, std::size_t left_out) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i]);
    REQUIRE(steps().contains(all[i]));
    if (i != left_out) steps().at(all[i])(world);
  }
  return world;
}

TEST_CASE("a pod for which all is done is sandboxed, and not before") {
  std::size_t followed = 0;
  for_each_world(
      axes(),
      [&](const World& world) {
        const Explanation before = explain(world);
        CHECK_FALSE(before.why.empty());
        const auto& all = before.to_sandbox;
        CHECK(all.empty() == (before.decision.outcome == Outcome::kSandboxed));
        for (std::size_t left_out = 0; left_out <= all.size(); ++left_out) {
          const bool is_all = left_out == all.size();
          const Outcome after = explain(follow(world, all, left_out)).decision.outcome;
          CHECK(((after == Outcome::kSandboxed) == is_all));
        }
        followed += all.size();
      },
      plain_world());
  CHECK(followed > 1000);
}

TEST_CASE("each decision says why in words") {
  struct Row {
    Change change;
    int row;
    const char* why;
  };
  const auto context = [](TargetContext of_target) {
    return [of_target](World& w) { pod(w).context = of_target; };
  };
  const auto fallback = [](Fallback to) {
    return [to](World& w) {
      w.policy.fallback = to;
      pod(w).uses_host_namespace = true;
    };
  };
  const TargetContext current{
      .kind = ContextKind::kOurs, .unmasks_proc = true, .has_current_profile = true};
  for (const Row& row : std::vector<Row>{
           {[](World& w) { pod(w).is_mirror = true; }, 2,
            "it is a static pod, of a file on its node, which no admission can change"},
           {[](World& w) { pod(w).is_windows = true; }, 3,
            "spec.os.name is windows, which has no user namespaces"},
           {[](World& w) { pod(w).target.reset(); }, 4, "the pod has no container 'code-executor'"},
           {[](World& w) { pod(w).mode = "off"; }, 5,
            "label code-executor-webhook/mode: off opts it out"},
           {[](World& w) {
              pod(w).host_users = false;
              w.cluster.version = {1, 32};
            },
            6,
            "the pod has hostUsers: false or procMount: Unmasked, which the cluster does not keep: "
            "Kubernetes 1.32 is older than 1.33 (upgrade the cluster, or remove hostUsers: false)"},
           {[](World& w) { pod(w).runs_without_nsjail = true; }, 7,
            "it runs user code without nsjail"},
           {context({.kind = ContextKind::kExplicit}), 8,
            "container 'code-executor' has a securityContext of its own"},
           {context({.kind = ContextKind::kExplicit, .is_privileged = true}), 8,
            "container 'code-executor' has a securityContext of its own, with privileged: true"},
           {context({.kind = ContextKind::kChartDefault, .is_privileged = true}), 8,
            "container 'code-executor' has privileged: true, as Retool's chart renders it unless "
            "told otherwise"},
           {fallback(Fallback::kPrivileged), 10,
            "it cannot be sandboxed, and gets privileged: true, as sandbox.fallback says: it uses "
            "hostNetwork, hostPID or hostIPC"},
           {fallback(Fallback::kUnchanged), 10,
            "it cannot be sandboxed, and sandbox.fallback is unchanged: it uses hostNetwork, "
            "hostPID or hostIPC"},
           {[](World& w) {
              w.policy.replace_chart_default = true;
              pod(w).context = {.kind = ContextKind::kChartDefault, .is_privileged = true};
              pod(w).uses_host_namespace = true;
            },
            10,
            "it cannot be sandboxed, and stays privileged: it uses hostNetwork, hostPID or "
            "hostIPC"},
           {[&](World& w) {
              pod(w).context = current;
              pod(w).has_checksum = true;
              pod(w).host_users = false;
              w.policy.delivery = Delivery::kPreinstalled;
            },
            17, "it has all that the sandbox brings"},
           {[](World&) {}, 18, "nothing stands in its way"},
           {context({.kind = ContextKind::kOurs}), 18,
            "it carries the sandbox of another release or configuration, and is brought up to "
            "date"},
           {[&](World& w) {
              pod(w).context = current;
              pod(w).has_checksum = true;
            },
            18, "it carries the sandbox, and what is missing of it, or differs, is put right"},
       }) {
    World world = plain_world();
    row.change(world);
    const Explanation explanation = explain(world);
    CHECK(explanation.decision.row == row.row);
    CHECK(explanation.why == row.why);
    CHECK(explanation.warnings ==
          to_warnings(explanation.decision, world.request, world.policy, world.cluster));
  }
}

TEST_CASE("for what no change could sandbox nothing is advised") {
  for (bool PodFacts::*fact : {&PodFacts::is_mirror, &PodFacts::is_windows}) {
    World world = plain_world();
    pod(world).*fact = true;
    CHECK(explain(world).to_sandbox.empty());
  }
}

}  // namespace
}  // namespace webhook
