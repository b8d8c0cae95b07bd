// What is advised is all that it takes: whoever follows it is not told something else then.
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "admission/messages.h"
#include "support/reviews.h"

namespace webhook {
namespace {

struct World {
  AdmissionRequest request;
  Policy policy;
  ClusterState cluster;
};

using Change = std::function<void(World&)>;

PodFacts& pod(World& world) { return world.request.pod; }

/// Words of an advice, and what becomes true by them.
struct Remedy {
  const char* words;
  Change change;
};

const std::vector<Remedy>& remedies() {
  const auto keeps = [](World& w) {
    w.cluster.version = {1, 34};
    w.cluster.drops_sandbox = false;
  };
  const auto no_context = [](World& w) { pod(w).context = {}; };
  const auto no_label = [](World& w) { pod(w).mode.clear(); };
  const auto no_nsjail = [](World& w) { pod(w).runs_without_nsjail = false; };
  static const std::vector<Remedy> kAll = {
      {"upgrade", keeps},
      {"enable both", keeps},
      {"turn on its features", keeps},
      {"remove hostNetwork", [](World& w) { pod(w).uses_host_namespace = false; }},
      {"hostIPC (remove them", [](World& w) { pod(w).uses_host_namespace = false; }},
      {"remove volumeDevices", [](World& w) { pod(w).has_raw_block_volume = false; }},
      {"volumeDevices (remove them", [](World& w) { pod(w).has_raw_block_volume = false; }},
      {"securityContext", no_context},
      {"CONTAINER_UNPRIVILEGED_MODE", no_nsjail},
      {"label it mode: sandbox", [](World& w) { pod(w).mode = "sandbox"; }},
      {"label code-executor-webhook/mode: sandbox sandboxes it",
       [](World& w) { pod(w).mode = "sandbox"; }},
      {"change label code-executor-webhook/mode to sandbox",
       [](World& w) { pod(w).mode = "sandbox"; }},
      {"label code-executor-webhook/mode: off", no_label},
      {"label code-executor-webhook/mode: sandbox", no_label},
      {"hostUsers: false", [](World& w) { pod(w).host_users = std::nullopt; }},
      {"procMount: Unmasked", [](World& w) { pod(w).context.unmasks_proc = false; }},
      {"change sandbox.fallback", [](World& w) { w.policy.fallback = Fallback::kUnchanged; }},
  };
  return kAll;
}

/// Does what `advice` says, the first of the remedies of a word that match.
void follow(const std::string& advice, World& world) {
  for (const Remedy& remedy : remedies()) {
    const bool is_taken = advice.find(remedy.words) != std::string::npos;
    const bool is_longer =
        std::string(remedy.words) == "label code-executor-webhook/mode: sandbox" &&
        advice.find("sandbox sandboxes it") != std::string::npos;
    if (is_taken && !is_longer) remedy.change(world);
  }
}

const std::vector<std::vector<Change>>& axes() {
  const auto context = [](TargetContext of_target) {
    return [of_target](World& w) { pod(w).context = of_target; };
  };
  const TargetContext ours{.kind = ContextKind::kOurs, .unmasks_proc = true};
  const TargetContext chart{.kind = ContextKind::kChartDefault, .is_privileged = true};
  const TargetContext privileged{.kind = ContextKind::kExplicit, .is_privileged = true};
  const TargetContext unmasked{
      .kind = ContextKind::kExplicit, .keeps_members = true, .unmasks_proc = true};
  static const std::vector<std::vector<Change>> kAxes = {
      {context({}), context(ours), context(chart), context(privileged), context(unmasked),
       context({.kind = ContextKind::kExplicit})},
      {[](World&) {}, [](World& w) { pod(w).mode = "sandbox"; },
       [](World& w) { pod(w).mode = "off"; }},
      {[](World&) {}, [](World& w) { pod(w).host_users = false; }},
      {[](World&) {}, [](World& w) { pod(w).runs_without_nsjail = true; }},
      {[](World&) {}, [](World& w) { pod(w).uses_host_namespace = true; },
       [](World& w) { pod(w).has_raw_block_volume = pod(w).uses_host_namespace = true; }},
      {[](World&) {},
       [](World& w) {
         w.cluster.version = {1, 32};
       },
       [](World& w) { w.cluster.drops_sandbox = true; }},
      {[](World&) {}, [](World& w) { w.policy.fallback = Fallback::kUnchanged; },
       [](World& w) { w.policy.fallback = Fallback::kDeny; }},
      {[](World&) {}, [](World& w) { w.policy.replace_chart_default = true; }},
  };
  return kAxes;
}

/// Every combination of the axes.
template <class Visit>
void for_each_world(Visit visit, World world, std::size_t axis = 0) {
  if (axis == axes().size()) {
    visit(world);
    return;
  }
  for (const Change& change : axes()[axis]) {
    World next = world;
    change(next);
    for_each_world(visit, next, axis + 1);
  }
}

World plain_world() {
  World world;
  world.cluster.version = {1, 34};
  world.request = creation_of({});
  return world;
}

Decision decide(const World& world) { return decide(world.request, world.policy, world.cluster); }

TEST_CASE("a privileged target whose warning is followed is sandboxed") {
  std::size_t followed = 0;
  for_each_world(
      [&](const World& world) {
        const Decision before = decide(world);
        if (before.outcome != Outcome::kUnchanged || before.is_fallback) return;
        for (const std::string& warning :
             to_warnings(before, world.request, world.policy, world.cluster)) {
          CAPTURE(warning);
          CHECK(warning.size() <= kMaxWarningLength);
          if (!warning.starts_with("code-executor stays privileged")) continue;
          if (warning.ends_with(" (README)") && warning.find("sandbox") == std::string::npos) {
            continue;  // more than a line has room for
          }
          World next = world;
          follow(warning, next);
          CHECK((decide(next).outcome == Outcome::kSandboxed));
          ++followed;
        }
      },
      plain_world());
  CHECK(followed > 100);
}

TEST_CASE("a denied pod is sandboxed by the first advice of its denial, and admitted by the last") {
  std::size_t denied = 0;
  for_each_world(
      [&](const World& world) {
        const Decision before = decide(world);
        if (before.outcome != Outcome::kDenied) return;
        const std::string text = to_denial(before, world.request, world.policy, world.cluster);
        CAPTURE(text);
        const std::size_t begin = text.find('(');
        const std::size_t either = text.rfind(", or ");
        REQUIRE(begin != std::string::npos);
        REQUIRE(either != std::string::npos);
        World next = world;
        follow(text.substr(begin, either - begin), next);
        CHECK((decide(next).outcome != Outcome::kDenied));
        CHECK((insists_on_sandbox(pod(next)) ? decide(next).outcome == Outcome::kSandboxed : true));
        next = world;
        follow(text.substr(either), next);
        CHECK((decide(next).outcome != Outcome::kDenied));
        ++denied;
      },
      plain_world());
  CHECK(denied > 500);
}

TEST_CASE("find_obstacles names all that stands between a pod and the sandbox, each once") {
  using Reasons = std::vector<Reason>;
  const ClusterState old{.version = {1, 32}};
  const ClusterState now{.version = {1, 34}};
  AdmissionRequest request = creation_of({});
  CHECK((find_obstacles(request, {}, now) == Reasons{}));
  CHECK((find_obstacles(request, {}, old) == Reasons{Reason::kClusterTooOld}));
  request.pod.host_users = false;  // two rows, one reason
  CHECK((find_obstacles(request, {}, old) == Reasons{Reason::kClusterTooOld}));
  request.pod.context.kind = ContextKind::kExplicit;
  request.pod.uses_host_namespace = true;
  request.pod.host_volume.all_are_ours = false;
  CHECK((find_obstacles(request, {}, now) ==
         Reasons{Reason::kExplicitSecurityContext, Reason::kHostNamespace, Reason::kNameConflict}));
  request = creation_of({});
  request.pod.context = {.kind = ContextKind::kExplicit, .is_privileged = true};
  request.pod.runs_without_nsjail = true;  // which is looked at once the context is gone
  CHECK((find_obstacles(request, {}, now) ==
         Reasons{Reason::kRunsWithoutNsjail, Reason::kExplicitSecurityContext}));
}

}  // namespace
}  // namespace webhook
