#include "admission/sandbox.h"

#include <algorithm>
#include <utility>

namespace webhook {

extern const std::string_view kInstallSeccompScript;  // install_seccomp.sh, embedded by CMake

namespace {

// A configuration or profile that is not UTF-8 is printed with U+FFFD rather than thrown over.
std::string to_text(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

using Json = nlohmann::json;

constexpr std::string_view kProfileMount = "/seccomp-profile";
constexpr std::string_view kHostMount = "/host-seccomp";

std::string below(std::string_view directory, std::string_view name) {
  return std::string(directory) + '/' + std::string(name);
}

/// Of Delivery::kPreinstalled too, which injects none: what is to be taken out is known by it.
Json to_profile_volume(const Policy& policy) {
  if (policy.delivery != Delivery::kAnnotation) {
    const std::string name = with_digest(policy.config_map_name, policy.profile.sha256);
    return {{"name", kProfileVolume}, {"configMap", {{"name", name}}}};
  }
  const std::string field = "metadata.annotations['" + std::string(kProfileAnnotation) + "']";
  const Json item = {{"path", kProfileKey}, {"fieldRef", {{"fieldPath", field}}}};
  return {{"name", kProfileVolume}, {"downwardAPI", {{"items", Json::array({item})}}}};
}

Json to_host_volume(const Policy& policy) {
  return {{"name", kHostVolume},
          {"hostPath", {{"path", policy.kubelet_seccomp_dir}, {"type", "DirectoryOrCreate"}}}};
}

/// k8s.io/kubernetes pkg/apis/core/v1/defaults.go: SetDefaults_ConfigMapVolumeSource and its kin.
OwnVolume with_api_defaults(Json volume) {
  Json most = volume;
  if (most.contains("configMap")) most["configMap"]["defaultMode"] = 0644;
  if (most.contains("downwardAPI")) {
    most["downwardAPI"]["defaultMode"] = 0644;
    most["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] = "v1";
  }
  return {.fragment = std::move(volume), .with_defaults = std::move(most)};
}

/// The init container says everything of its securityContext itself: a pod-level runAsUser or a
/// Localhost profile, which is not there yet, must not reach it.
Json to_installer_context(const Policy& policy) {
  Json context = {{"allowPrivilegeEscalation", false},
                  {"readOnlyRootFilesystem", true},
                  {"capabilities", {{"drop", Json::array({"ALL"})}}},
                  {"runAsUser", 0},
                  {"runAsGroup", 0},
                  {"runAsNonRoot", false},
                  {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  if (!policy.installer_se_linux_options.empty()) {
    context["seLinuxOptions"] = policy.installer_se_linux_options;
  }
  return context;
}

Json to_installer(const Policy& policy) {
  Json installer = {
      {"name", kInstaller},
      {"image", policy.installer_image},
      // The script's arguments: the source, the mount of the kubelet's directory, the file below
      // it, and the digest that the file must have.
      {"command",
       {"sh", "-c", kInstallSeccompScript, kInstaller, below(kProfileMount, kProfileKey),
        kHostMount, with_digest(policy.localhost_profile, policy.profile.sha256),
        policy.profile.sha256}},
      {"securityContext", to_installer_context(policy)},
      {"volumeMounts",
       Json::array({{{"name", kProfileVolume}, {"mountPath", kProfileMount}, {"readOnly", true}},
                    {{"name", kHostVolume}, {"mountPath", kHostMount}}})},
  };
  const Resources& resources = policy.installer_resources;
  if (resources != Resources{}) {
    installer["resources"] = {{"requests", resources.requests}, {"limits", resources.limits}};
  }
  return installer;
}

Installer with_members(Json container) {
  Installer installer{.whole = container,
                      .image = container.at("image"),
                      .command = container.at("command"),
                      .security_context = container.at("securityContext"),
                      .volume_mounts = container.at("volumeMounts"),
                      .mounts = {}};
  for (const Json& mount : container.at("volumeMounts")) installer.mounts.emplace_back(mount);
  return installer;
}

/// The profile of `sandbox.appArmorProfile`; null where none is to be set.
Json to_app_armor_profile(std::string_view profile) {
  constexpr std::string_view kLocalhost = "Localhost/";
  if (profile.empty()) return nullptr;
  if (!profile.starts_with(kLocalhost)) return {{"type", profile}};
  return {{"type", "Localhost"}, {"localhostProfile", profile.substr(kLocalhost.size())}};
}

Json to_seccomp_profile(const Policy& policy) {
  return {{"type", "Localhost"},
          {"localhostProfile", with_digest(policy.localhost_profile, policy.profile.sha256)}};
}

Context to_context(const Policy& policy, const Json& app_armor) {
  Json context = {
      {"allowPrivilegeEscalation", false},
      // Never "CAP_NET_ADMIN": containerd prefixes CAP_ itself and would grant nothing.
      {"capabilities", {{"add", Json::array({"NET_ADMIN"})}}},
      {"procMount", "Unmasked"},
      {"seccompProfile", to_seccomp_profile(policy)},
  };
  if (!app_armor.is_null()) context["appArmorProfile"] = app_armor;
  std::vector<ContextMember> members;
  for (const auto& [name, value] : context.items()) {
    members.push_back({.name = name, .text = PreparedJson(to_text(value))});
  }
  return {.whole = std::move(context), .members = std::move(members)};
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_made_from(std::string_view path, std::string_view name) {
  const std::size_t place = name.find(kDigestPlaceholder);
  if (place == std::string_view::npos) return path == name;
  if (path.size() < place) return false;
  const std::string_view digest = path.substr(place, 64);
  return is_digest(digest) && path == with_digest(name, digest);
}

}  // namespace

Fragment::Fragment(Json json) : PreparedJson(to_text(json)), value(std::move(json)) {}

std::string with_digest(std::string_view name, std::string_view sha256) {
  std::string text(name);
  std::size_t place = 0;
  while ((place = text.find(kDigestPlaceholder, place)) != std::string::npos) {
    text.replace(place, kDigestPlaceholder.size(), sha256);
    place += sha256.size();
  }
  return text;
}

std::vector<std::string> profile_paths_of_ours(const Policy& policy) {
  return {policy.localhost_profile, "profiles/nsjail-seccomp-{sha256}.json",
          "profiles/nsjail-seccomp.json"};  // the last one of release 0.1.0
}

bool is_profile_path_of_ours(std::string_view path, const Policy& policy) {
  const auto names = profile_paths_of_ours(policy);
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return is_made_from(path, name); });
}

Sandbox make_sandbox(Policy policy) {
  const Json app_armor = to_app_armor_profile(policy.app_armor_profile);
  Sandbox sandbox{
      .policy = {},
      .checksum = Json(policy.profile.sha256),
      .profile_annotation = Json(policy.profile.bytes),
      .profile_volume = with_api_defaults(to_profile_volume(policy)),
      .host_volume = with_api_defaults(to_host_volume(policy)),
      .installer = with_members(to_installer(policy)),
      .seccomp = to_seccomp_profile(policy),
      .app_armor = app_armor,
      .context = to_context(policy, app_armor),
      .context_no_apparmor = to_context(policy, nullptr),
  };
  sandbox.policy = std::move(policy);
  return sandbox;
}

}  // namespace webhook
