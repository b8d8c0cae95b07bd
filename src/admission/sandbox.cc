#include "admission/sandbox.h"

#include <utility>

namespace webhook {

extern const std::string_view kInstallSeccompScript;  // install_seccomp.sh, embedded by CMake

namespace {

using Json = nlohmann::json;

constexpr std::string_view kProfileMount = "/seccomp-profile";
constexpr std::string_view kHostMount = "/host-seccomp";

std::string below(std::string_view directory, std::string_view name) {
  return std::string(directory) + '/' + std::string(name);
}

Json to_profile_volume(const Policy& policy) {
  if (policy.delivery == Delivery::kConfigMap) {
    return {{"name", kProfileVolume}, {"configMap", {{"name", policy.config_map_name}}}};
  }
  const std::string field = "metadata.annotations['" + std::string(kProfileAnnotation) + "']";
  const Json item = {{"path", kProfileKey}, {"fieldRef", {{"fieldPath", field}}}};
  return {{"name", kProfileVolume}, {"downwardAPI", {{"items", Json::array({item})}}}};
}

Json to_host_volume(const Policy& policy) {
  return {{"name", kHostVolume},
          {"hostPath", {{"path", policy.kubelet_seccomp_dir}, {"type", "DirectoryOrCreate"}}}};
}

/// The init container says everything of its securityContext itself: a pod-level runAsUser or a
/// Localhost profile, which is not there yet, must not reach it.
Json to_installer(const Policy& policy) {
  return {
      {"name", kInstaller},
      {"image", policy.installer_image},
      {"command",
       {"sh", "-c", kInstallSeccompScript, kInstaller, below(kProfileMount, kProfileKey),
        kHostMount, policy.localhost_profile, policy.profile.sha256}},
      {"resources",
       {{"requests", policy.installer_resources.requests},
        {"limits", policy.installer_resources.limits}}},
      {"securityContext",
       {{"allowPrivilegeEscalation", false},
        {"readOnlyRootFilesystem", true},
        {"capabilities", {{"drop", Json::array({"ALL"})}}},
        {"runAsUser", 0},
        {"runAsGroup", 0},
        {"runAsNonRoot", false},
        {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
      {"volumeMounts",
       Json::array({{{"name", kProfileVolume}, {"mountPath", kProfileMount}, {"readOnly", true}},
                    {{"name", kHostVolume}, {"mountPath", kHostMount}}})},
  };
}

/// The profile of `sandbox.appArmorProfile`; null where none is to be set.
Json to_app_armor_profile(std::string_view profile) {
  constexpr std::string_view kLocalhost = "Localhost/";
  if (profile.empty()) return nullptr;
  if (!profile.starts_with(kLocalhost)) return {{"type", profile}};
  return {{"type", "Localhost"}, {"localhostProfile", profile.substr(kLocalhost.size())}};
}

Json to_context(const Policy& policy, std::string_view app_armor_profile) {
  Json context = {
      {"allowPrivilegeEscalation", false},
      // Never "CAP_NET_ADMIN": containerd prefixes CAP_ itself and would grant nothing.
      {"capabilities", {{"add", Json::array({"NET_ADMIN"})}}},
      {"procMount", "Unmasked"},
      {"seccompProfile", {{"type", "Localhost"}, {"localhostProfile", policy.localhost_profile}}},
  };
  if (Json profile = to_app_armor_profile(app_armor_profile); !profile.is_null()) {
    context["appArmorProfile"] = std::move(profile);
  }
  return context;
}

}  // namespace

Fragment::Fragment(Json json) : value(std::move(json)) {
  // A configuration or profile that is not UTF-8 is printed with U+FFFD rather than thrown over.
  text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Sandbox make_sandbox(Policy policy) {
  Sandbox sandbox{
      .policy = {},
      .checksum = Json(policy.profile.sha256),
      .profile_annotation = Json(policy.profile.bytes),
      .profile_volume = to_profile_volume(policy),
      .host_volume = to_host_volume(policy),
      .installer = to_installer(policy),
      .installer_identity = to_installer(policy),
      .context = to_context(policy, policy.app_armor_profile),
      .context_no_apparmor = to_context(policy, ""),
  };
  sandbox.installer_identity.erase("image");
  sandbox.installer_identity.erase("resources");
  sandbox.policy = std::move(policy);
  return sandbox;
}

}  // namespace webhook
