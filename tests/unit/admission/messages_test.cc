#include "admission/messages.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "admission/admission.h"

namespace webhook {
namespace {

constexpr ClusterState kOld{.version = {1, 32}};
constexpr Reason kFallbacks[] = {Reason::kClusterTooOld, Reason::kHostNamespace,
                                 Reason::kHostUsersRequested, Reason::kRawBlockVolume,
                                 Reason::kNoCapableNode};

bool is_one_printable_line(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

TEST_CASE("to_printable leaves nothing that could end a line or a quotation") {
  struct Row {
    std::string text;
    std::size_t limit;
    const char* want;
  };
  for (const Row& row : {
           Row{"", 5, ""},
           Row{"plain", 5, "plain"},
           Row{"longer", 5, "longe..."},
           Row{"a\nb\x1b[0m", 10, "a?b?[0m"},
           Row{"it's", 10, "it?s"},
           Row{"\xc3\xa9", 10, "??"},
           Row{std::string("a\0b\x7f", 4), 10, "a?b?"},
       }) {
    CAPTURE(row.text);
    CHECK(to_printable(row.text, row.limit) == row.want);
  }
}

TEST_CASE("a fallback warns what becomes of the pod, and why") {
  struct Row {
    Outcome outcome;
    Reason reason;
    const char* want;
  };
  for (const Row& row : {
           Row{Outcome::kPrivileged, Reason::kClusterTooOld,
               "code-executor runs privileged, not sandboxed: Kubernetes 1.32 is older than 1.33 "
               "(cluster_too_old)"},
           Row{Outcome::kUnchanged, Reason::kHostNamespace,
               "code-executor is left unchanged, not sandboxed: it uses hostNetwork, hostPID or "
               "hostIPC (host_namespace)"},
           Row{Outcome::kDenied, Reason::kHostUsersRequested,
               "code-executor is refused, not sandboxed: it sets hostUsers: true "
               "(host_users_requested)"},
           Row{Outcome::kPrivileged, Reason::kRawBlockVolume,
               "code-executor runs privileged, not sandboxed: a container has volumeDevices "
               "(raw_block_volume)"},
           Row{Outcome::kPrivileged, Reason::kNoCapableNode,
               "code-executor runs privileged, not sandboxed: no schedulable node can run it "
               "(no_capable_node)"},
       }) {
    const Decision decision{row.outcome, row.reason, true};
    CHECK(to_warnings(decision, {}, {}, kOld) == std::vector<std::string>{row.want});
  }
}

TEST_CASE("a cluster that drops the sandbox is not said to be old") {
  constexpr ClusterState kDrops{.version = {1, 34}, .drops_sandbox = true};
  CHECK(to_warnings({Outcome::kPrivileged, Reason::kClusterTooOld, true}, {}, {}, kDrops) ==
        std::vector<std::string>{"code-executor runs privileged, not sandboxed: the API server "
                                 "drops hostUsers or procMount (cluster_too_old)"});
  CHECK(to_denial({Outcome::kDenied, Reason::kClusterTooOld, true}, {}, {}, kDrops) ==
        "the code-executor cannot be sandboxed: the API server drops hostUsers or procMount (turn "
        "on its features UserNamespacesSupport and ProcMountType, or change sandbox.fallback of "
        "code-executor-webhook)");
}

TEST_CASE("the chart's default that is kept warns how to change it") {
  PodFacts pod;
  pod.target_context = TargetContext::kChartDefault;
  const Decision decision{Outcome::kUnchanged, Reason::kExplicitSecurityContext, false};
  CHECK(to_warnings(decision, pod, {}, kOld) ==
        std::vector<std::string>{"code-executor stays privileged as set; label "
                                 "code-executor-webhook/mode: sandbox sandboxes it (README)"});
  pod.target_context = TargetContext::kExplicit;
  CHECK(to_warnings(decision, pod, {}, kOld).empty());
}

TEST_CASE("a label that means nothing warns what it could be") {
  const Decision decision{Outcome::kSandboxed, Reason::kSupported, false};
  PodFacts pod;
  for (const char* mode : {"", "off", "sandbox"}) {
    pod.mode = mode;
    CHECK(to_warnings(decision, pod, {}, kOld).empty());
  }
  pod.mode = "on\n";
  CHECK(to_warnings(decision, pod, {}, kOld) ==
        std::vector<std::string>{
            "label code-executor-webhook/mode: 'on?' ignored (expected off or sandbox)"});
}

TEST_CASE("every warning is one line of at most 120 characters") {
  for (const Outcome outcome : kAllOutcomes) {
    for (const Reason reason : kAllReasons) {
      for (const auto context : {TargetContext::kAbsent, TargetContext::kChartDefault}) {
        PodFacts pod;
        pod.mode = std::string(400, '\t');
        pod.target_context = context;
        Policy policy;
        policy.minimum_version = {999, 999};
        const bool is_fallback =
            std::find(std::begin(kFallbacks), std::end(kFallbacks), reason) != std::end(kFallbacks);
        const auto warnings =
            to_warnings({outcome, reason, is_fallback}, pod, policy, {.version = {999, 998}});
        CHECK_FALSE(warnings.empty());
        for (const std::string& warning : warnings) {
          CAPTURE(warning);
          CHECK(warning.size() <= kMaxWarningLength);
          CHECK(is_one_printable_line(warning));
        }
      }
    }
  }
}

TEST_CASE("a denial says what to change") {
  struct Row {
    Reason reason;
    const char* mode;
    const char* want;
  };
  for (const Row& row : {
           Row{Reason::kClusterTooOld, "",
               "the code-executor cannot be sandboxed: Kubernetes 1.32 is older than 1.33 (upgrade "
               "the cluster, or change sandbox.fallback of code-executor-webhook)"},
           Row{Reason::kHostNamespace, "sandbox",
               "the code-executor cannot be sandboxed: it uses hostNetwork, hostPID or hostIPC "
               "(remove hostNetwork, hostPID and hostIPC, or remove label "
               "code-executor-webhook/mode: sandbox)"},
           Row{Reason::kHostUsersRequested, "sandbox",
               "the code-executor cannot be sandboxed: it sets hostUsers: true (remove hostUsers, "
               "or remove label code-executor-webhook/mode: sandbox)"},
           Row{Reason::kRawBlockVolume, "",
               "the code-executor cannot be sandboxed: a container has volumeDevices (remove "
               "volumeDevices, or change sandbox.fallback of code-executor-webhook)"},
           Row{Reason::kNoCapableNode, "",
               "the code-executor cannot be sandboxed: no schedulable node can run it (add a node "
               "that supports user namespaces, or change sandbox.fallback of "
               "code-executor-webhook)"},
       }) {
    PodFacts pod;
    pod.mode = row.mode;
    CHECK(to_denial({Outcome::kDenied, row.reason, true}, pod, {}, kOld) == row.want);
  }
}

TEST_CASE("a name conflict names what is in the way") {
  struct Row {
    Presence PodFacts::*presence;
    const char* want;
  };
  constexpr const char* kRest =
      " is not the one that code-executor-webhook adds (rename it, or opt out with label "
      "code-executor-webhook/mode: \"off\")";
  for (const Row& row : {
           Row{&PodFacts::profile_volume, "volume 'seccomp-profile'"},
           Row{&PodFacts::host_volume, "volume 'host-seccomp'"},
           Row{&PodFacts::installer, "container 'install-seccomp'"},
       }) {
    PodFacts pod;
    pod.*row.presence = Presence::kForeign;
    CHECK(to_denial({Outcome::kDenied, Reason::kNameConflict, false}, pod, {}, kOld) ==
          std::string(row.want) + kRest);
  }
}

TEST_CASE("what is not denied has no denial") {
  for (const Outcome outcome : {Outcome::kUnchanged, Outcome::kSandboxed, Outcome::kPrivileged}) {
    CHECK(to_denial({outcome, Reason::kClusterTooOld, true}, {}, {}, kOld) == "");
  }
}

}  // namespace
}  // namespace webhook
