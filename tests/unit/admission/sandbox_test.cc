#include "admission/sandbox.h"

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {

extern const std::string_view kInstallSeccompScript;

namespace {

using Json = nlohmann::json;

Policy policy_with(Delivery delivery) {
  Policy policy = small_policy();
  policy.delivery = delivery;
  return policy;
}

TEST_CASE("volume seccomp-profile is the ConfigMap, or the pod's own annotation") {
  Policy policy = policy_with(Delivery::kConfigMap);
  policy.config_map_name = "my-profile";
  CHECK(make_sandbox(policy).profile_volume.value ==
        Json::parse(R"({"name":"seccomp-profile","configMap":{"name":"my-profile"}})"));
  CHECK(make_sandbox(policy_with(Delivery::kAnnotation)).profile_volume.value == Json::parse(R"({
    "name": "seccomp-profile",
    "downwardAPI": {"items": [{
      "path": "nsjail-seccomp.json",
      "fieldRef": {"fieldPath": "metadata.annotations['code-executor-webhook/nsjail-seccomp.json']"}
    }]}
  })"));
}

TEST_CASE("volume host-seccomp is the kubelet's directory") {
  Policy policy = small_policy();
  policy.kubelet_seccomp_dir = "/mnt/kubelet/seccomp";
  CHECK(make_sandbox(policy).host_volume.value == Json::parse(R"({
    "name": "host-seccomp",
    "hostPath": {"path": "/mnt/kubelet/seccomp", "type": "DirectoryOrCreate"}
  })"));
}

TEST_CASE("the installer runs the script, with least rights, on both volumes") {
  Policy policy = small_policy();
  policy.installer_image = "mirror.example/busybox:1";
  policy.localhost_profile = "a/b.json";
  policy.installer_resources = {.requests = {{"cpu", "1m"}}, .limits = {{"memory", "1Mi"}}};
  Json want = Json::parse(R"({
    "name": "install-seccomp",
    "image": "mirror.example/busybox:1",
    "command": ["sh", "-c", "", "install-seccomp",
                "/seccomp-profile/nsjail-seccomp.json", "/host-seccomp", "a/b.json", ""],
    "resources": {"requests": {"cpu": "1m"}, "limits": {"memory": "1Mi"}},
    "securityContext": {
      "allowPrivilegeEscalation": false,
      "readOnlyRootFilesystem": true,
      "capabilities": {"drop": ["ALL"]},
      "runAsUser": 0,
      "runAsGroup": 0,
      "runAsNonRoot": false,
      "seccompProfile": {"type": "RuntimeDefault"}
    },
    "volumeMounts": [
      {"name": "seccomp-profile", "mountPath": "/seccomp-profile", "readOnly": true},
      {"name": "host-seccomp", "mountPath": "/host-seccomp"}
    ]
  })");
  want["command"][2] = kInstallSeccompScript;
  want["command"][7] = policy.profile.sha256;
  const Sandbox sandbox = make_sandbox(policy);
  CHECK(sandbox.installer.value == want);
  want.erase("image");
  want.erase("resources");
  CHECK(sandbox.installer_identity == want);
}

TEST_CASE("the target's context follows the AppArmor profile of the policy") {
  struct Row {
    const char* profile;
    Json want;
  };
  for (const Row& row : {
           Row{"Unconfined", {{"type", "Unconfined"}}},
           Row{"RuntimeDefault", {{"type", "RuntimeDefault"}}},
           Row{"Localhost/nsjail", {{"type", "Localhost"}, {"localhostProfile", "nsjail"}}},
           Row{"Localhost/a/b", {{"type", "Localhost"}, {"localhostProfile", "a/b"}}},
           Row{"", nullptr},
       }) {
    CAPTURE(row.profile);
    Json want = Json::parse(R"({
      "allowPrivilegeEscalation": false,
      "capabilities": {"add": ["NET_ADMIN"]},
      "procMount": "Unmasked",
      "seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/nsjail-seccomp.json"}
    })");
    Policy policy = small_policy();
    policy.app_armor_profile = row.profile;
    const Sandbox sandbox = make_sandbox(policy);
    CHECK(sandbox.context_no_apparmor.value == want);
    if (!row.want.is_null()) want["appArmorProfile"] = row.want;
    CHECK(sandbox.context.value == want);
  }
}

TEST_CASE("the annotations are the profile and its checksum") {
  const Sandbox sandbox = make_sandbox(small_policy());
  CHECK(sandbox.checksum.value == sandbox.policy.profile.sha256);
  CHECK(sandbox.profile_annotation.value == R"({"defaultAction":"SCMP_ACT_ERRNO"})");
}

TEST_CASE("a fragment prints its value as JSON, whatever bytes the configuration holds") {
  CHECK(Fragment(Json{{"a", "\"\n"}}).text == R"({"a":"\"\n"})");
  CHECK(Fragment(Json("\xff")).text == "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace webhook
