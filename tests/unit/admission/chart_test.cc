// The pods that Retool's chart renders (github.com/tryretool/retool-helm, its values of 6.2 to
// 6.12), as this webhook meets them.
#include <string>

#include <doctest/doctest.h>

#include "admission/admission.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

const ClusterState kNew{.version = {1, 34}};
const ClusterState kOld{.version = {1, 32}};

/// A code-executor with `context`, by the chart's default or by codeExecutor.securityContext.
Json chart_pod(const Json& context) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"generateName", "retool-code-executor-"},
            {"labels", {{"telemetry.retool.com/service-name", "code-executor"}}}}},
          {"spec",
           {{"containers", Json::array({{{"name", "code-executor"},
                                         {"image", "tryretool/code-executor-service:3.300.1"},
                                         {"securityContext", context}}})}}}};
}

/// codeExecutor.useSeccompProfile: true, with the AppArmor annotation that goes with it.
Json own_sandbox(const std::string& app_armor) {
  Json pod =
      chart_pod({{"capabilities", {{"add", {"NET_ADMIN"}}}},
                 {"procMount", "Unmasked"},
                 {"seccompProfile",
                  {{"type", "Localhost"}, {"localhostProfile", "profiles/nsjail-seccomp.json"}}}});
  pod["metadata"]["annotations"] = {
      {"checksum/seccomp", std::string(64, '9')},
      {"container.apparmor.security.beta.kubernetes.io/code-executor", app_armor}};
  Json& spec = pod["spec"];
  spec["hostUsers"] = false;
  const Json mounts = {{{"name", "seccomp-profile"}, {"mountPath", "/seccomp-profile"}},
                       {{"name", "host-seccomp"}, {"mountPath", "/host-seccomp"}}};
  spec["initContainers"] = Json::array({{{"name", "install-seccomp"},
                                         {"image", "busybox:1.37.0"},
                                         {"command", {"sh", "-c", "cp \"$SOURCE\" \"$DEST\""}},
                                         {"volumeMounts", mounts}}});
  spec["volumes"] = {
      {{"name", "seccomp-profile"}, {"configMap", {{"name", "retool-code-executor-seccomp"}}}},
      {{"name", "host-seccomp"},
       {"hostPath", {{"path", "/var/lib/kubelet/seccomp"}, {"type", "DirectoryOrCreate"}}}}};
  return pod;
}

/// With appArmorProfileInstaller: true, a second init container waits for the node's profile.
Json own_sandbox_with_installer() {
  Json pod = own_sandbox("localhost/retool-executor");
  pod["spec"]["volumes"].push_back(
      {{"name", "host-run"}, {"hostPath", {{"path", "/run/retool/apparmor"}}}});
  const Json mounts = Json::array({{{"name", "host-run"}, {"mountPath", "/host-run"}}});
  pod["spec"]["initContainers"].push_back(
      {{"name", "wait-for-apparmor"}, {"image", "busybox:1.37.0"}, {"volumeMounts", mounts}});
  return pod;
}

/// js-executor, which runs beside it, with a sandbox of its own and no target container.
Json js_executor() {
  Json pod = own_sandbox("unconfined");
  pod["spec"].erase("hostUsers");
  pod["spec"]["containers"][0]["name"] = "js-executor";
  return pod;
}

Json with(Json pod, const char* pointer, const Json& value) {
  pod[Json::json_pointer(pointer)] = value;
  return pod;
}

Json insisting(const Json& pod) {
  return with(pod, "/metadata/labels/code-executor-webhook~1mode", "sandbox");
}

struct Answer {
  std::string words;  ///< "outcome reason"
  std::string warning;
  Json pod;
};

Answer answer_to(const Json& pod, bool replace_chart_default, const ClusterState& cluster) {
  Policy policy = small_policy();
  policy.replace_chart_default = replace_chart_default;
  const Sandbox sandbox = make_sandbox(policy);
  const auto reviewed = review(to_review(pod).dump(), sandbox, cluster);
  REQUIRE_MESSAGE(reviewed, (reviewed ? "" : reviewed.error().message));
  const Json result = pod.patch(to_operations(reviewed->patch));
  const auto again = review(to_review(result).dump(), sandbox, cluster);
  REQUIRE(again);
  CHECK(again->patch.empty());
  return {
      std::string(to_string(reviewed->outcome)) + ' ' + std::string(to_string(reviewed->reason)),
      reviewed->warnings.empty() ? "" : reviewed->warnings.front(), result};
}

constexpr const char* kContext = "/spec/containers/0/securityContext";

TEST_CASE("each form of the chart's pod gets its outcome") {
  const Json plain = chart_pod({{"privileged", true}});
  const Json extra = chart_pod({{"privileged", true}, {"runAsUser", 0}, {"runAsNonRoot", false}});
  const Json pinned = chart_pod({{"privileged", true}, {"capabilities", {{"add", {"ALL"}}}}});
  constexpr const char* kExplicit = "unchanged explicit_security_context";
  constexpr const char* kSandboxed = "sandboxed supported";
  constexpr const char* kTooOld = "denied cluster_too_old";
  struct Row {
    const char* what;
    Json pod;
    const char* as_it_is;
    const char* replaced;  ///< With replaceChartDefault.
    const char* insisting;
    const char* on_old;
  };
  for (const Row& row : {
           // codeExecutor.securityContext: {} renders the same: empty is false to the chart.
           Row{"default", plain, kExplicit, kSandboxed, kSandboxed, kExplicit},
           Row{"extraContainerSecurityContext", extra, kExplicit, kSandboxed, kSandboxed,
               kExplicit},
           Row{"pinned", pinned, kExplicit, kExplicit, "denied explicit_security_context",
               kExplicit},
           Row{"no securityContext", chart_pod(Json::object()), kSandboxed, kSandboxed, kSandboxed,
               "privileged cluster_too_old"},
           Row{"useSeccompProfile", own_sandbox("unconfined"), kExplicit, kExplicit,
               "denied explicit_security_context", kTooOld},
           Row{"appArmorProfileInstaller", own_sandbox_with_installer(), kExplicit, kExplicit,
               "denied explicit_security_context", kTooOld},
           Row{"js-executor", js_executor(), "unchanged no_target_container",
               "unchanged no_target_container", "denied no_target_container",
               "unchanged no_target_container"},
       }) {
    CAPTURE(row.what);
    CHECK(answer_to(row.pod, false, kNew).words == row.as_it_is);
    CHECK(answer_to(row.pod, true, kNew).words == row.replaced);
    CHECK(answer_to(insisting(row.pod), false, kNew).words == row.insisting);
    CHECK(answer_to(row.pod, false, kOld).words == row.on_old);
  }
}

TEST_CASE("what extraContainerSecurityContext appends is kept, and privileged goes") {
  const Json extra = {{"privileged", true},
                      {"runAsUser", 0},
                      {"readOnlyRootFilesystem", true},
                      {"seLinuxOptions", {{"level", "s0:c1,c2"}}}};
  Json want = make_sandbox(small_policy()).context.whole.value;
  want.update(extra);
  want.erase("privileged");
  const Answer answer = answer_to(chart_pod(extra), true, kNew);
  CHECK(answer.pod.at(Json::json_pointer(kContext)) == want);
}

TEST_CASE("the chart's own sandbox is left as it is, with a warning of what it lacks") {
  constexpr const char* kHas = "code-executor has a sandbox of its own, without ";
  struct Row {
    Json pod;
    const char* lacks;
  };
  const Json own = own_sandbox("unconfined");
  for (const Row& row : {
           Row{own, "allowPrivilegeEscalation: false (README)"},
           Row{own_sandbox_with_installer(), "allowPrivilegeEscalation: false (README)"},
           Row{with(own, "/spec/hostUsers", nullptr),
               "hostUsers: false and allowPrivilegeEscalation: false (README)"},
       }) {
    const Answer answer = answer_to(row.pod, true, kNew);
    CHECK(answer.pod == row.pod);
    CHECK(answer.warning == std::string(kHas) + row.lacks);
  }
}

TEST_CASE("the chart's own sandbox, completed by its values, is ours, and brought up to date") {
  // extraContainerSecurityContext: {allowPrivilegeEscalation: false}.
  const Json pod = with(own_sandbox("unconfined"),
                        "/spec/containers/0/securityContext/allowPrivilegeEscalation", false);
  const Sandbox sandbox = make_sandbox(small_policy());
  const Answer answer = answer_to(pod, false, kNew);
  CHECK(answer.words == "sandboxed supported");
  CHECK(answer.pod.at(Json::json_pointer(kContext)) == sandbox.context_no_apparmor.whole.value);
  CHECK(answer.pod["spec"]["initContainers"][0]["command"] == sandbox.installer.command.value);
  CHECK(answer.pod["spec"]["volumes"][0] == sandbox.profile_volume.fragment.value);
}

TEST_CASE("a privileged default is told how to become sandboxed, where it can") {
  const Json plain = chart_pod({{"privileged", true}});
  CHECK(answer_to(plain, false, kNew).warning ==
        "code-executor stays privileged as set; label code-executor-webhook/mode: sandbox "
        "sandboxes it (README)");
  CHECK(answer_to(plain, false, kOld).warning ==
        "code-executor stays privileged: Kubernetes 1.32 is older than 1.33 (upgrade it, then "
        "label it mode: sandbox)");
}

}  // namespace
}  // namespace webhook
