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
  CHECK(make_sandbox(policy).profile_volume.fragment.value ==
        Json::parse(R"({"name":"seccomp-profile","configMap":{"name":"my-profile"}})"));
  CHECK(make_sandbox(policy_with(Delivery::kAnnotation)).profile_volume.fragment.value ==
        Json::parse(R"({
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
  CHECK(make_sandbox(policy).host_volume.fragment.value == Json::parse(R"({
    "name": "host-seccomp",
    "hostPath": {"path": "/mnt/kubelet/seccomp", "type": "DirectoryOrCreate"}
  })"));
}

TEST_CASE("the installer runs the script, with least rights, on both volumes") {
  Policy policy = small_policy();
  policy.installer_image = "mirror.example/busybox:1";
  policy.localhost_profile = "a/{sha256}/b.json";
  policy.installer_resources = {.requests = {{"cpu", "1m"}}, .limits = {{"memory", "1Mi"}}};
  Json want = Json::parse(R"({
    "name": "install-seccomp",
    "image": "mirror.example/busybox:1",
    "command": ["sh", "-c", "", "install-seccomp",
                "/seccomp-profile/nsjail-seccomp.json", "/host-seccomp", "", ""],
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
  want["command"][6] = "a/" + policy.profile.sha256 + "/b.json";
  want["command"][7] = policy.profile.sha256;
  CHECK(make_sandbox(policy).installer.whole.value == want);
  policy.installer_se_linux_options = {{"type", "spc_t"}};
  want["securityContext"]["seLinuxOptions"] = {{"type", "spc_t"}};
  CHECK(make_sandbox(policy).installer.whole.value == want);
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
      "seccompProfile": {"type": "Localhost", "localhostProfile": ""}
    })");
    Policy policy = small_policy();
    want["seccompProfile"]["localhostProfile"] =
        "profiles/nsjail-seccomp-" + policy.profile.sha256 + ".json";
    policy.app_armor_profile = row.profile;
    const Sandbox sandbox = make_sandbox(policy);
    CHECK(sandbox.context_no_apparmor.whole.value == want);
    if (!row.want.is_null()) want["appArmorProfile"] = row.want;
    CHECK(sandbox.context.whole.value == want);
  }
}

TEST_CASE("the names of the file and of the ConfigMap hold the profile's digest") {
  CHECK(with_digest("profiles/a-{sha256}.json", "12ab") == "profiles/a-12ab.json");
  CHECK(with_digest("{sha256}/{sha256}", "12ab") == "12ab/12ab");
  CHECK(with_digest("a", "12ab") == "a");
  const Sandbox sandbox = make_sandbox(small_policy());
  const std::string& digest = sandbox.policy.profile.sha256;
  CHECK(sandbox.seccomp.at("localhostProfile") == "profiles/nsjail-seccomp-" + digest + ".json");
  CHECK(sandbox.profile_volume.fragment.value.at("configMap").at("name") ==
        "code-executor-seccomp-" + digest);
}

TEST_CASE("a profile's path is ours with any digest, by this configuration or an earlier release") {
  const std::string digest(64, '7');
  Policy policy = small_policy();
  policy.localhost_profile = "my/{sha256}/p-{sha256}.json";
  struct Row {
    std::string path;
    bool want;
  };
  for (const Row& row : {
           Row{"my/" + digest + "/p-" + digest + ".json", true},
           Row{"my/" + digest + "/p-" + std::string(64, '8') + ".json", false},
           Row{"profiles/nsjail-seccomp-" + digest + ".json", true},
           Row{"profiles/nsjail-seccomp.json", true},
           Row{"profiles/nsjail-seccomp-.json", false},
           Row{"profiles/nsjail-seccomp-" + digest + "7.json", false},
           Row{"profiles/nsjail-seccomp-" + std::string(64, 'A') + ".json", false},
           Row{"profiles/retool-executor.json", false},
           Row{"my/", false},
           Row{"", false},
       }) {
    CAPTURE(row.path);
    CHECK(is_profile_path_of_ours(row.path, policy) == row.want);
  }
  policy.localhost_profile = "fixed.json";
  CHECK(is_profile_path_of_ours("fixed.json", policy));
  CHECK_FALSE(is_profile_path_of_ours("fixed.jso", policy));
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
