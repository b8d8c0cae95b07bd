// Values of the configuration that parse, and that nobody could use.
#include <string>

#include <doctest/doctest.h>

#include "server/config.h"

namespace webhook {
namespace {

std::string refusal(const std::string& text) {
  const auto config = parse_config(text, "config.yaml");
  return config ? "accepted" : config.error().message;
}

TEST_CASE("the installer's resources are quantities, and requests are within limits") {
  struct Row {
    const char* resources;
    const char* message;
  };
  for (const Row& row : {
           Row{"{limits: {cpu: 1}}",
               "limits: memory is missing (expected cpu and memory, which a ResourceQuota asks "
               "for, or resources: {} for none)"},
           Row{"{requests: {}}",
               "requests: cpu is missing (expected cpu and memory, which a ResourceQuota asks for, "
               "or resources: {} for none)"},
           Row{"{limits: {cpu: lots, memory: 1}}",
               "limits: cpu: 'lots' (expected a quantity such as 10m or 0.5)"},
           Row{"{limits: {cpu: -1, memory: 1}}",
               "limits: cpu: '-1' (expected a quantity such as 10m or 0.5)"},
           Row{"{limits: {cpu: 1.2.3, memory: 1}}",
               "limits: cpu: '1.2.3' (expected a quantity such as 10m or 0.5)"},
           Row{"{limits: {cpu: 1, memory: 16MB}}",
               "limits: memory: '16MB' (expected whole bytes, such as 16Mi)"},
           Row{"{limits: {cpu: 1, memory: 100m}}",
               "limits: memory: '100m' (expected whole bytes, such as 16Mi)"},
           Row{"{limits: {cpu: 1, memory: 8Ei}}",
               "limits: memory: '8Ei' (expected whole bytes, such as 16Mi)"},
           Row{"{limits: {cpu: 1, memory: 1Gi, gpu: 1}}",
               "limits: 'gpu' (expected cpu, memory or ephemeral-storage)"},
           Row{"{limits: {cpu: 5m, memory: 1Gi}}",
               "requests: cpu: '10m' is more than the limit (expected at most '5m')"},
           Row{"{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1000m, memory: 1024Mi}}", nullptr},
           Row{"{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1e0, memory: 1073741823}}",
               "requests: memory: '1Gi' is more than the limit (expected at most '1073741823')"},
           Row{"{requests: {cpu: 0.1, memory: 1k}, limits: {cpu: 100m, memory: 1e3}}", nullptr},
           Row{"{limits: {cpu: \"1\", memory: 1G, ephemeral-storage: 1M}}", nullptr},
           Row{"{}", nullptr},
       }) {
    CAPTURE(row.resources);
    const std::string text =
        std::string("sandbox: {installer: {resources: ") + row.resources + "}}";
    const std::string got = refusal(text);
    if (row.message == nullptr) {
      CHECK(got == "accepted");
    } else {
      CHECK(got.substr(got.find("sandbox.")) ==
            std::string("sandbox.installer.resources.") + row.message);
    }
  }
}

TEST_CASE("an installer without resources is asked for by an empty mapping alone") {
  const auto resources = [](const char* text) {
    return parse_config(text, "config.yaml")->policy.installer_resources;
  };
  CHECK((resources("sandbox: {installer: {resources: {}}}") == Resources{}));
  for (const char* text : {"", "sandbox: {installer: {}}", "sandbox: {installer: {resources: }}"}) {
    CHECK((resources(text) == Policy{}.installer_resources));
  }
}

TEST_CASE("what no API server, kubelet or registry client would take is refused") {
  const std::string digest(64, 'a');
  struct Row {
    std::string key;
    std::string value;
    const char* fault;
  };
  constexpr const char* kRelative = "(expected a relative path of a file without ..)";
  constexpr const char* kVisible = "has a space or is not printable (expected visible ASCII)";
  constexpr const char* kDirectory = "(expected <kubelet root>/seccomp, such as ";
  constexpr const char* kImage = "(expected the reference of an image, such as ";
  constexpr const char* kAppArmor = "(expected Unconfined, RuntimeDefault, Localhost/<name> or";
  const std::string path = "seccomp: {localhostProfile";
  const std::string directory = "seccomp: {kubeletSeccompDir";
  const std::string image = "installer: {image";
  const std::string apparmor = "appArmorProfile";
  for (const Row& row : {
           Row{path, "a b", kVisible},
           Row{path, " a", kVisible},
           Row{path, "a/..", kRelative},
           Row{path, "a/../b", kRelative},
           Row{path, "./a", kRelative},
           Row{path, "", kRelative},
           Row{path, "a/" + std::string(5000, 'b'), "has 5002 bytes (expected at most 1024)"},
           Row{path, "profiles/x..y.json", nullptr},
           Row{directory, "x", kDirectory},
           Row{directory, "", kDirectory},
           Row{directory, "/", kDirectory},
           Row{directory, "//", kDirectory},
           Row{directory, "/proc", kDirectory},
           Row{directory, "/dev/x", kDirectory},
           Row{directory, "/dev/shm/seccomp", kDirectory},
           Row{directory, "/sys/seccomp", kDirectory},
           Row{directory, "/seccomp", kDirectory},
           Row{directory, "/var/lib/kubelet", kDirectory},
           Row{directory, "/var/lib/kubelet/seccomp/", kDirectory},
           Row{directory, "/var/lib/kubelet/seccomp/..", kDirectory},
           Row{directory, "/var/lib/../seccomp", kDirectory},
           Row{directory, "/var/./seccomp", kDirectory},
           Row{directory, "/var//seccomp", kDirectory},
           Row{directory, "var/lib/kubelet/seccomp", kDirectory},
           Row{directory, "/my kubelet/seccomp", kVisible},
           Row{directory, "/" + std::string(5000, 'b') + "/seccomp", "has 5009 bytes"},
           Row{directory, "/device/seccomp", nullptr},
           Row{directory, "/mnt/kubelet/seccomp", nullptr},
           Row{image, "busybox", nullptr},
           Row{image, "localhost:5000/a/b__c/d-e.f:v1.2_3-x", nullptr},
           Row{image, "registry.example.com/busybox@sha256:" + digest, nullptr},
           Row{image, "[2001:db8::1]:5000/busybox:1", nullptr},
           Row{image, "", kImage},
           Row{image, "Busybox", kImage},
           Row{image, "busy box", kImage},
           Row{image, "https://example.com/busybox", kImage},
           Row{image, "busybox:", kImage},
           Row{image, "busybox:-1", kImage},
           Row{image, "busybox:" + std::string(129, '1'), kImage},
           Row{image, "busybox@sha256:abc", kImage},
           Row{image, "busybox@md5:" + digest, kImage},
           Row{image, "busybox@" + digest, kImage},
           Row{image, "/busybox", kImage},
           Row{image, "a//b", kImage},
           Row{image, "a/../b", kImage},
           Row{image, "-busybox", kImage},
           Row{image, digest, kImage},
           Row{image, digest + ":1", kImage},
           Row{image, std::string(256, 'a'), kImage},
           Row{image, std::string(100000, 'a'), kImage},
           Row{apparmor, "Localhost/a b", kAppArmor},
           Row{apparmor, "Localhost/" + std::string(4096, 'a'), kAppArmor},
           Row{apparmor, "localhost/a", kAppArmor},
           Row{apparmor, "Localhost/a//b", nullptr},
       }) {
    const std::string value = row.value.substr(0, 80);
    CAPTURE(value);
    const bool is_nested = row.key.find('{') != std::string::npos;
    const std::string got =
        refusal("sandbox: {" + row.key + ": \"" + row.value + "\"}" + (is_nested ? "}" : ""));
    if (row.fault == nullptr) {
      CHECK(got == "accepted");
    } else {
      CHECK(got.starts_with("config.yaml:1:"));
      CHECK(got.find(row.fault) != std::string::npos);
      CHECK(got.size() < 500);
    }
  }
}

}  // namespace
}  // namespace webhook
