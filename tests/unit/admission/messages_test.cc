#include "admission/messages.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

const ClusterState kOld{.version = {1, 32}};
constexpr Reason kFallbacks[] = {Reason::kClusterTooOld,      Reason::kHostNamespace,
                                 Reason::kHostUsersRequested, Reason::kRawBlockVolume,
                                 Reason::kUnmappableVolume,   Reason::kUnmappedId,
                                 Reason::kNoCapableNode};

const AdmissionRequest kPlain = creation_of({});

bool is_one_printable_line(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
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
           Row{Outcome::kPrivileged, Reason::kUnmappableVolume,
               "code-executor runs privileged, not sandboxed: it mounts a hostPath of /dev, /proc "
               "or "
               "/sys, or nfs (unmappable_volume)"},
           Row{Outcome::kPrivileged, Reason::kUnmappedId,
               "code-executor runs privileged, not sandboxed: a user or group id is not below "
               "65536 "
               "(unmapped_id)"},
           Row{Outcome::kPrivileged, Reason::kNoCapableNode,
               "code-executor runs privileged, not sandboxed: no node that it may go to can run it "
               "(no_capable_node)"},
       }) {
    const Decision decision{row.outcome, row.reason, true};
    CHECK(to_warnings(decision, kPlain, {}, kOld) == std::vector<std::string>{row.want});
  }
}

TEST_CASE("a cluster that drops the sandbox is not said to be old") {
  const ClusterState kDrops{.version = {1, 34}, .drops_sandbox = true};
  CHECK(to_warnings({Outcome::kPrivileged, Reason::kClusterTooOld, true}, kPlain, {}, kDrops) ==
        std::vector<std::string>{"code-executor runs privileged, not sandboxed: the API server "
                                 "drops hostUsers or procMount (cluster_too_old)"});
}

TEST_CASE("a privileged target that is left alone warns of all that it takes to change it") {
  const ClusterState kNew{.version = {1, 34}};
  const ClusterState kDrops{.version = {1, 34}, .drops_sandbox = true};
  constexpr auto kChart = ContextKind::kChartDefault;
  constexpr auto kExplicit = ContextKind::kExplicit;
  struct Row {
    const char* mode;
    ContextKind kind;
    bool without_nsjail;
    bool has_device;
    ClusterState cluster;
    const char* want;
  };
  for (const Row& row : {
           Row{"", kChart, false, false, kNew,
               " as set; label code-executor-webhook/mode: sandbox sandboxes it (README)"},
           Row{"", kExplicit, false, false, kNew,
               " as set; without its securityContext it would be sandboxed (README)"},
           Row{"", kExplicit, true, false, kNew,
               " as set; without securityContext and CONTAINER_UNPRIVILEGED_MODE it would be "
               "sandboxed"},
           // There the label alone would get the pod denied.
           Row{"", kChart, false, false, kOld,
               ": Kubernetes 1.32 is older than 1.33 (upgrade it, then label it mode: sandbox)"},
           Row{"", kExplicit, false, false, kOld,
               ": Kubernetes 1.32 is older than 1.33 (upgrade it, then remove its "
               "securityContext)"},
           Row{"", kChart, false, false, kDrops,
               ": the API server drops hostUsers or procMount (enable both, then label it mode: "
               "sandbox)"},
           Row{"", kExplicit, false, false, kDrops,
               ": the API server drops hostUsers or procMount (README)"},
           Row{"", kChart, false, true, kOld,
               ": Kubernetes 1.32 is older than 1.33, and more (README)"},
           Row{"off", kChart, false, false, kNew,
               ": it is opted out (change label code-executor-webhook/mode to sandbox)"},
           Row{"off", kExplicit, false, false, kNew,
               ": it is opted out (remove its securityContext and label "
               "code-executor-webhook/mode: off)"},
           Row{"off", kExplicit, true, false, kNew, ": it is opted out (README)"},
           Row{"off", kChart, false, false, kOld,
               ": it is opted out, and Kubernetes 1.32 is older than 1.33 (README)"},
       }) {
    PodFacts pod;
    pod.mode = row.mode;
    pod.runs_without_nsjail = row.without_nsjail;
    pod.has_raw_block_volume = row.has_device;
    pod.context = {.kind = row.kind, .is_privileged = true};
    const bool is_out = pod.mode == "off";
    const Decision decision{Outcome::kUnchanged,
                            is_out ? Reason::kOptedOut : Reason::kExplicitSecurityContext, false};
    CHECK(to_warnings(decision, creation_of(pod), {}, row.cluster) ==
          std::vector<std::string>{std::string("code-executor stays privileged") + row.want});
    pod.context.is_privileged = false;
    CHECK(to_warnings(decision, creation_of(pod), {}, row.cluster).empty());
  }
}

TEST_CASE("what replaces the chart's default makes taking off the label enough") {
  PodFacts pod;
  pod.mode = "off";
  pod.context = {.kind = ContextKind::kChartDefault, .is_privileged = true};
  Policy policy;
  policy.replace_chart_default = true;
  CHECK(to_warnings({Outcome::kUnchanged, Reason::kOptedOut, false}, creation_of(pod), policy,
                    {.version = {1, 34}}) ==
        std::vector<std::string>{"code-executor stays privileged: it is opted out (remove label "
                                 "code-executor-webhook/mode: off)"});
}

TEST_CASE("a privileged static pod is changed where it is written") {
  PodFacts pod;
  pod.context = {.kind = ContextKind::kExplicit, .is_privileged = true};
  CHECK(to_warnings({Outcome::kUnchanged, Reason::kMirrorPod, false}, creation_of(pod), {}, kOld) ==
        std::vector<std::string>{"code-executor stays privileged: a static pod cannot be changed "
                                 "here (change its manifest)"});
}

TEST_CASE("beside a sandboxed target a warning tells each thing that no sandbox holds") {
  struct Row {
    bool PodFacts::*has;
    const char* want;
  };
  for (const Row& row : {
           Row{&PodFacts::target_has_kubelet_root,
               "code-executor mounts the node's kubelet directory or one above: no sandbox holds "
               "that (remove the hostPath)"},
           Row{&PodFacts::can_write_profiles,
               "a container can write to the kubelet's seccomp directory, and so to the profile "
               "(remove the hostPath)"},
           Row{&PodFacts::has_privileged_sidecar,
               "a container beside the code-executor is privileged, and not sandboxed (remove "
               "privileged: true)"},
       }) {
    PodFacts pod;
    pod.*row.has = true;
    const std::string want = row.want;
    CHECK(want.size() <= kMaxWarningLength);
    const auto warnings = [&](Outcome outcome, Reason reason) {
      return to_warnings({outcome, reason, false}, creation_of(pod), {}, {.version = {1, 34}});
    };
    const std::vector<std::string> one = {want};
    CHECK(warnings(Outcome::kSandboxed, Reason::kSupported) == one);
    CHECK(warnings(Outcome::kUnchanged, Reason::kAlreadySandboxed) == one);
    // Elsewhere it is no worse than the target.
    CHECK(warnings(Outcome::kUnchanged, Reason::kExplicitSecurityContext).empty());
    CHECK(warnings(Outcome::kDenied, Reason::kNameConflict).empty());
  }
}

TEST_CASE("a fallback that finds the target privileged says that it stays so") {
  PodFacts pod;
  pod.context = {.kind = ContextKind::kChartDefault, .is_privileged = true};
  for (const Outcome outcome : {Outcome::kUnchanged, Outcome::kPrivileged}) {
    CHECK(to_warnings({outcome, Reason::kHostNamespace, true}, creation_of(pod), {}, kOld) ==
          std::vector<std::string>{"code-executor stays privileged, not sandboxed: it uses "
                                   "hostNetwork, hostPID or hostIPC (host_namespace)"});
  }
}

TEST_CASE("a sandbox of the chart's own warns what it lacks, as far as the cluster has it") {
  const ClusterState kNew{.version = {1, 34}};
  struct Row {
    std::optional<bool> host_users;
    bool forbids_escalation;
    ClusterState cluster;
    const char* lacks;
  };
  for (const Row& row : {
           Row{std::nullopt, false, kNew, "hostUsers: false and allowPrivilegeEscalation: false"},
           Row{true, true, kNew, "hostUsers: false"},
           Row{false, false, kNew, "allowPrivilegeEscalation: false"},
           Row{false, true, kNew, nullptr},
           Row{std::nullopt, false, kOld, "allowPrivilegeEscalation: false"},
           Row{std::nullopt, true, kOld, nullptr},
       }) {
    PodFacts pod;
    pod.host_users = row.host_users;
    pod.context = {.kind = ContextKind::kExplicit,
                   .forbids_escalation = row.forbids_escalation,
                   .has_localhost_profile = true};
    const Decision decision{Outcome::kUnchanged, Reason::kExplicitSecurityContext, false};
    std::vector<std::string> want;
    if (row.lacks != nullptr) {
      want = {std::string("code-executor has a sandbox of its own, without ") + row.lacks +
              " (README)"};
    }
    CHECK(to_warnings(decision, creation_of(pod), {}, row.cluster) == want);
    pod.context.has_localhost_profile = false;
    CHECK(to_warnings(decision, creation_of(pod), {}, row.cluster).empty());
  }
}

TEST_CASE("a label that means nothing warns what it could be") {
  const Decision decision{Outcome::kSandboxed, Reason::kSupported, false};
  PodFacts pod;
  for (const char* mode : {"", "off", "sandbox"}) {
    pod.mode = mode;
    CHECK(to_warnings(decision, creation_of(pod), {}, kOld).empty());
  }
  pod.mode = "on\n";
  CHECK(to_warnings(decision, creation_of(pod), {}, kOld) ==
        std::vector<std::string>{
            "label code-executor-webhook/mode: 'on?' ignored (expected off or sandbox)"});
}

TEST_CASE("every warning is one line of at most 120 characters") {
  for (const Outcome outcome : kAllOutcomes) {
    for (const Reason reason : kAllReasons) {
      for (const auto kind :
           {ContextKind::kAbsent, ContextKind::kChartDefault, ContextKind::kExplicit}) {
        PodFacts pod;
        pod.mode = std::string(400, '\t');
        pod.context = {.kind = kind,
                       .is_privileged = kind == ContextKind::kChartDefault,
                       .has_localhost_profile = kind == ContextKind::kExplicit};
        Policy policy;
        policy.ids_per_pod = 4'294'901'760;
        policy.minimum_version = {999, 999};
        const bool is_fallback =
            std::find(std::begin(kFallbacks), std::end(kFallbacks), reason) != std::end(kFallbacks);
        const auto warnings = to_warnings({outcome, reason, is_fallback}, creation_of(pod), policy,
                                          {.version = {999, 998}});
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

}  // namespace
}  // namespace webhook
