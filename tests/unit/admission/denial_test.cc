// What a denied pod is told: to_denial of messages.h.
#include "admission/messages.h"

#include <doctest/doctest.h>

#include "unit/admission/plain_request.h"

namespace webhook {
namespace {

using test::kOld;
using test::kPlain;
using test::request_of;

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
    Policy policy;
    policy.fallback = Fallback::kDeny;
    CHECK(to_denial({Outcome::kDenied, row.reason, true}, request_of(pod), policy, kOld) ==
          row.want);
  }
}

TEST_CASE("a fallback to privileged that is refused says why") {
  PodFacts pod;
  pod.host_users = false;
  const Decision decision{Outcome::kDenied, Reason::kUnmappedId, true};
  CHECK(to_denial(decision, request_of(pod), {}, kOld) ==
        "the code-executor cannot be sandboxed: a user or group id is not below 65536 (use ids "
        "below 65536, or remove hostUsers: false)");
  pod.context.kind = ContextKind::kOurs;
  CHECK(to_denial(decision, request_of(pod), {}, kOld) ==
        "the code-executor cannot be sandboxed: a user or group id is not below 65536 (use ids "
        "below 65536, or remove the sandbox's securityContext from the code-executor)");
}

TEST_CASE("a pod that would lose its sandbox is told what the cluster does not keep") {
  PodFacts pod;
  pod.host_users = false;
  CHECK(to_denial({Outcome::kDenied, Reason::kClusterTooOld, false}, request_of(pod), {}, kOld) ==
        "the pod has hostUsers: false or procMount: Unmasked, which the cluster does not keep: "
        "Kubernetes 1.32 is older than 1.33 (upgrade the cluster, or remove them)");
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
    Reason reason;
    const char* want;
  };
  for (const Row& row : {
           Row{Reason::kNoTargetContainer,
               "the pod has no container 'code-executor' to sandbox (name it so"},
           Row{Reason::kRunsWithoutNsjail,
               "the code-executor runs user code without nsjail (remove env "
               "CONTAINER_UNPRIVILEGED_MODE"},
           Row{Reason::kExplicitSecurityContext,
               "the code-executor has a securityContext of its own (remove its securityContext"},
       }) {
    PodFacts pod;
    pod.mode = "sandbox";
    CHECK(to_denial({Outcome::kDenied, row.reason, false}, request_of(pod), {}, kOld) ==
          std::string(row.want) + ", or remove label code-executor-webhook/mode: sandbox)");
  }
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
    CHECK(to_denial({Outcome::kDenied, Reason::kNameConflict, false}, request_of(pod), {}, kOld) ==
          std::string(row.want) + kAdds + kRest);
  }
  PodFacts pod;
  pod.has_foreign_mount = true;
  pod.context.kind = ContextKind::kOurs;
  pod.installer.all_are_ours = false;  // would be replaced
  CHECK(to_denial({Outcome::kDenied, Reason::kNameConflict, false}, request_of(pod), {}, kOld) ==
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
