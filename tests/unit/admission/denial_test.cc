// What a denied pod is told: to_denial of messages.h.
#include "admission/messages.h"

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

const ClusterState kOld{.version = {1, 32}};
const ClusterState kNew{.version = {1, 34}};

const AdmissionRequest kPlain = creation_of({});

/// What is said of a pod with these facts, which is denied.
std::string denial_of(const PodFacts& pod, const Policy& policy, const ClusterState& cluster) {
  const AdmissionRequest request = creation_of(pod);
  const Decision decision = decide(request, policy, cluster);
  CHECK((decision.outcome == Outcome::kDenied));
  return to_denial(decision, request, policy, cluster);
}

TEST_CASE("a denial says what to change") {
  struct Row {
    void (*have)(PodFacts&);
    ClusterState cluster;
    const char* mode;
    const char* want;
  };
  const ClusterState drops{.version = {1, 34}, .drops_sandbox = true};
  for (const Row& row : {
           Row{[](PodFacts&) {}, kOld, "",
               "Kubernetes 1.32 is older than 1.33 (upgrade the cluster, or change "
               "sandbox.fallback of code-executor-webhook)"},
           Row{[](PodFacts&) {}, drops, "",
               "the API server drops hostUsers or procMount (turn on its features "
               "UserNamespacesSupport and ProcMountType, or change sandbox.fallback of "
               "code-executor-webhook)"},
           Row{[](PodFacts& pod) { pod.host_users = true; }, kNew, "",
               "it sets hostUsers: true (remove hostUsers, or change sandbox.fallback of "
               "code-executor-webhook)"},
           Row{[](PodFacts& pod) { pod.has_raw_block_volume = true; }, kNew, "",
               "a container has volumeDevices (remove volumeDevices, or change sandbox.fallback of "
               "code-executor-webhook)"},
           Row{[](PodFacts& pod) { pod.placement.outlook = NodeOutlook::kAllBad; }, kNew, "",
               "no node that it may go to can run it (add a node that supports user namespaces, or "
               "change sandbox.nodeFallback of code-executor-webhook)"},
           // Without the label the fallback would deny it.
           Row{[](PodFacts& pod) { pod.uses_host_namespace = true; }, kNew, "sandbox",
               "it uses hostNetwork, hostPID or hostIPC (remove hostNetwork, hostPID and hostIPC, "
               "or remove label code-executor-webhook/mode: sandbox and change sandbox.fallback of "
               "code-executor-webhook)"},
           // All that is in the way, not one thing after the other.
           Row{[](PodFacts& pod) { pod.has_unmapped_id = pod.has_raw_block_volume = true; }, kOld,
               "",
               "Kubernetes 1.32 is older than 1.33, a container has volumeDevices and a user or "
               "group id is not below 65536 (upgrade the cluster, remove volumeDevices and use ids "
               "below 65536, or change sandbox.fallback of code-executor-webhook)"},
       }) {
    PodFacts pod;
    pod.mode = row.mode;
    row.have(pod);
    Policy policy;
    policy.fallback = Fallback::kDeny;
    policy.node_fallback = Fallback::kDeny;
    CHECK(denial_of(pod, policy, row.cluster) ==
          std::string("the code-executor cannot be sandboxed: ") + row.want);
  }
}

TEST_CASE("a fallback to privileged that is refused says why") {
  const std::string what =
      "the code-executor cannot be sandboxed: a user or group id is not below 65536 (use ids below "
      "65536, or remove ";
  PodFacts pod;
  pod.host_users = false;
  pod.has_unmapped_id = true;
  CHECK(denial_of(pod, {}, kNew) == what + "hostUsers: false)");
  pod.context.kind = ContextKind::kOurs;
  CHECK(denial_of(pod, {}, kNew) ==
        what + "the sandbox's securityContext from the code-executor and hostUsers: false)");
}

TEST_CASE("a pod that would lose its sandbox is told what the cluster does not keep") {
  const std::string what =
      "the pod has hostUsers: false or procMount: Unmasked, which the cluster does not keep: "
      "Kubernetes 1.32 is older than 1.33";
  PodFacts pod;
  pod.host_users = false;
  CHECK(denial_of(pod, {}, kOld) == what + " (upgrade the cluster, or remove hostUsers: false)");
  pod.context = {.kind = ContextKind::kExplicit, .unmasks_proc = true};
  pod.mode = "sandbox";
  CHECK(denial_of(pod, {}, kOld) ==
        what +
            " and it has a securityContext of its own (upgrade the cluster and remove its "
            "securityContext, or remove label code-executor-webhook/mode: sandbox, hostUsers: "
            "false and procMount: Unmasked)");
}

TEST_CASE("while API servers differ a denial says to try again") {
  const ClusterState differ{.version = {1, 32}, .api_servers_differ = true};
  for (const bool is_fallback : {false, true}) {
    CHECK(to_denial({Outcome::kDenied, Reason::kClusterTooOld, is_fallback}, kPlain, {}, differ) ==
          "API servers differ, try again (some of them cannot keep the sandbox)");
  }
}

TEST_CASE("a pod that insists, and contradicts itself, is told how") {
  struct Row {
    void (*have)(PodFacts&);
    ClusterState cluster;
    const char* want;
  };
  for (const Row& row : {
           Row{[](PodFacts& pod) { pod.runs_without_nsjail = true; }, kNew,
               "it runs user code without nsjail (remove env CONTAINER_UNPRIVILEGED_MODE"},
           Row{[](PodFacts& pod) { pod.context.kind = ContextKind::kExplicit; }, kNew,
               "it has a securityContext of its own (remove its securityContext"},
           Row{[](PodFacts& pod) { pod.context.kind = ContextKind::kExplicit; }, kOld,
               "it has a securityContext of its own and Kubernetes 1.32 is older than 1.33 (remove "
               "its securityContext and upgrade the cluster"},
       }) {
    PodFacts pod;
    pod.mode = "sandbox";
    row.have(pod);
    CHECK(denial_of(pod, {}, row.cluster) ==
          std::string("the code-executor cannot be sandboxed: ") + row.want +
              ", or remove label code-executor-webhook/mode: sandbox)");
  }
  AdmissionRequest request = kPlain;
  request.pod.mode = "sandbox";
  request.pod.target = std::nullopt;
  CHECK(to_denial(decide(request, {}, kNew), request, {}, kNew) ==
        "the code-executor cannot be sandboxed: the pod has no container 'code-executor' (name it "
        "'code-executor', or remove label code-executor-webhook/mode: sandbox)");
}

TEST_CASE("a name conflict names what is in the way") {
  struct Row {
    void (*match)(PodFacts&);
    const char* want;
  };
  constexpr const char* kAdds = " is not the one that code-executor-webhook adds";
  constexpr const char* kRest =
      " (rename it, or opt out with label code-executor-webhook/mode: \"off\")";
  for (const Row& row : {
           Row{[](PodFacts& pod) { pod.profile_volume.all_are_ours = false; },
               "volume 'seccomp-profile'"},
           Row{[](PodFacts& pod) { pod.host_volume.all_are_ours = false; },
               "volume 'host-seccomp'"},
           Row{[](PodFacts& pod) { pod.installer.all_are_ours = false; },
               "container 'install-seccomp'"},
           Row{[](PodFacts& pod) { pod.has_container_of_our_name = true; },
               "container 'install-seccomp'"},
       }) {
    PodFacts pod;
    row.match(pod);
    CHECK(to_denial({Outcome::kDenied, Reason::kNameConflict, false}, creation_of(pod), {}, kOld) ==
          std::string(row.want) + kAdds + kRest);
  }
  PodFacts pod;
  pod.has_foreign_mount = true;
  pod.context.kind = ContextKind::kOurs;
  pod.installer.all_are_ours = false;  // would be replaced
  CHECK(to_denial({Outcome::kDenied, Reason::kNameConflict, false}, creation_of(pod), {}, kOld) ==
        std::string("a container mounts volume 'seccomp-profile' or 'host-seccomp', of "
                    "code-executor-webhook") +
            kRest);
}

TEST_CASE("what is not denied has no denial") {
  for (const Outcome outcome : {Outcome::kUnchanged, Outcome::kSandboxed, Outcome::kPrivileged}) {
    CHECK(to_denial({outcome, Reason::kClusterTooOld, true}, kPlain, {}, kOld) == "");
  }
}

}  // namespace
}  // namespace webhook
