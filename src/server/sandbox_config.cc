#include "server/sandbox_config.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "admission/sandbox.h"
#include "base/dns_name.h"
#include "server/config.h"
#include "server/config_values.h"
#include "yaml/section.h"

namespace webhook {
namespace {

void read_minimum_version(const YamlSection& sandbox, Policy& policy) {
  std::string text = to_string(policy.minimum_version);
  sandbox.read("minimumKubernetesVersion", text);
  const auto version = parse_kube_version(text);
  if (!version) sandbox.fail("minimumKubernetesVersion", version.error().message);
  if (*version < kOldestSandboxVersion) {
    sandbox.fail("minimumKubernetesVersion",
                 "'" + text +
                     "' (expected 1.33 or later: older API servers drop hostUsers and procMount "
                     "in silence)");
  }
  policy.minimum_version = *version;
}

/// Reads one line of text, and refuses it for the fault that `find_fault` finds.
void read_checked(const YamlSection& section, std::string_view key, std::string& value,
                  std::optional<std::string> (*find_fault)(const std::string&)) {
  read_text(section, key, value, true);
  if (const auto fault = find_fault(value)) section.fail(key, *fault);
}

void read_seccomp(const YamlSection& seccomp, Config& config) {
  Policy& policy = config.policy;
  read_text(seccomp, "profileFile", config.profile_file, true);
  read_checked(seccomp, "localhostProfile", policy.localhost_profile, find_fault_of_profile_path);
  seccomp.read("delivery", policy.delivery,
               {{"configMap", Delivery::kConfigMap},
                {"annotation", Delivery::kAnnotation},
                {"preinstalled", Delivery::kPreinstalled}});
  seccomp.read("configMapName", policy.config_map_name);
  if (!is_dns_subdomain(with_digest(policy.config_map_name, std::string(64, 'a')))) {
    seccomp.fail("configMapName", "'" + policy.config_map_name +
                                      "' (expected the name of a ConfigMap, in which {sha256} "
                                      "stands for the profile's digest)");
  }
  read_checked(seccomp, "kubeletSeccompDir", policy.kubelet_seccomp_dir, find_fault_of_seccomp_dir);
}

/// As the kubelet checks its own userNamespaces.idsPerPod: pkg/kubelet/apis/config/validation.
void read_ids_per_pod(const YamlSection& sandbox, Policy& policy) {
  constexpr std::size_t kRange = 65'536;
  auto ids = static_cast<std::size_t>(policy.ids_per_pod);
  sandbox.read("idsPerPod", ids, kRange, (std::size_t{1} << 32U) - kRange);
  if (ids % kRange != 0) {
    sandbox.fail("idsPerPod", std::to_string(ids) + " (expected a multiple of 65536)");
  }
  policy.ids_per_pod = static_cast<std::int64_t>(ids);
}

void read_se_linux_options(const YamlSection& installer, Policy& policy) {
  const auto options = installer.section("seLinuxOptions", {"level", "role", "type", "user"});
  for (const char* key : {"level", "role", "type", "user"}) {
    std::string value;
    read_text(options, key, value, true);
    if (!value.empty()) policy.installer_se_linux_options[key] = value;
  }
}

void read_quantities(const YamlSection& resources, std::string_view key,
                     std::map<std::string, std::string>& quantities) {
  constexpr std::array kResources = {"cpu", "memory", "ephemeral-storage"};
  resources.read(key, quantities);
  for (const char* resource : {"cpu", "memory"}) {
    if (!quantities.contains(resource)) {
      resources.fail(key, std::string(resource) +
                              " is missing (expected cpu and memory, which a ResourceQuota asks "
                              "for, or resources: {} for none)");
    }
  }
  for (const auto& [name, quantity] : quantities) {
    if (std::find(kResources.begin(), kResources.end(), name) == kResources.end()) {
      resources.fail(key, '\'' + name + "' (expected cpu, memory or ephemeral-storage)");
    }
    const auto nanos = to_nanos(quantity);
    constexpr Nanos kWhole = 1'000'000'000;
    if (!nanos || (name != "cpu" && *nanos % kWhole != 0)) {
      std::string what = name + ": '";
      what.append(quantity).append(name == "cpu" ? "' (expected a quantity such as 10m or 0.5)"
                                                 : "' (expected whole bytes, such as 16Mi)");
      resources.fail(key, what);
    }
  }
}

void read_resources(const YamlSection& installer, Resources& wanted) {
  const auto resources = installer.section("resources", {"requests", "limits"});
  if (installer.is_empty("resources")) {
    wanted = {};
    return;
  }
  read_quantities(resources, "requests", wanted.requests);
  read_quantities(resources, "limits", wanted.limits);
  for (const auto& [name, request] : wanted.requests) {
    const auto limit = wanted.limits.find(name);
    if (limit == wanted.limits.end() || to_nanos(request) <= to_nanos(limit->second)) continue;
    std::string what = name + ": '";
    what.append(request).append("' is more than the limit (expected at most '");
    resources.fail("requests", what.append(limit->second).append("')"));
  }
}

}  // namespace

void read_text(const YamlSection& section, std::string_view key, std::string& value,
               bool may_be_empty) {
  section.read(key, value);
  if (value.empty() && !may_be_empty) section.fail(key, "is empty (expected a value)");
  const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  if (has_control) section.fail(key, "has a control character (expected one line of text)");
}

void read_sandbox(const YamlSection& sandbox, Config& config) {
  Policy& policy = config.policy;
  read_minimum_version(sandbox, policy);
  sandbox.read("fallback", policy.fallback,
               {{"privileged", Fallback::kPrivileged},
                {"unchanged", Fallback::kUnchanged},
                {"deny", Fallback::kDeny}});
  sandbox.read<std::optional<Fallback>>("nodeFallback", policy.node_fallback,
                                        {{"sandbox", std::nullopt},
                                         {"unchanged", Fallback::kUnchanged},
                                         {"deny", Fallback::kDeny},
                                         {"privileged", Fallback::kPrivileged}});
  read_ids_per_pod(sandbox, policy);
  sandbox.read("replaceChartDefault", policy.replace_chart_default);
  read_checked(sandbox, "appArmorProfile", policy.app_armor_profile, find_fault_of_app_armor);
  read_seccomp(sandbox.section("seccomp", {"profileFile", "localhostProfile", "delivery",
                                           "configMapName", "kubeletSeccompDir"}),
               config);
  const auto installer = sandbox.section("installer", {"image", "resources", "seLinuxOptions"});
  read_checked(installer, "image", policy.installer_image, find_fault_of_image);
  read_resources(installer, policy.installer_resources);
  read_se_linux_options(installer, policy);
}

}  // namespace webhook
