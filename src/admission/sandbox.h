#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "admission/policy.h"
#include "base/json_text.h"

namespace webhook {

inline constexpr std::string_view kModeLabel = "code-executor-webhook/mode";
inline constexpr std::string_view kChecksumAnnotation = "checksum/seccomp";
inline constexpr std::string_view kProfileAnnotation = "code-executor-webhook/nsjail-seccomp.json";
/// The annotation that was the AppArmor field before 1.30, to be followed by a container's name.
inline constexpr std::string_view kLegacyAppArmorAnnotation =
    "container.apparmor.security.beta.kubernetes.io/";
inline constexpr std::string_view kProfileVolume = "seccomp-profile";
inline constexpr std::string_view kHostVolume = "host-seccomp";
inline constexpr std::string_view kInstaller = "install-seccomp";
/// The file of the profile in volume seccomp-profile: the ConfigMap's key.
inline constexpr std::string_view kProfileKey = "nsjail-seccomp.json";

/// `name` with `sha256` for each kDigestPlaceholder.
std::string with_digest(std::string_view name, std::string_view sha256);

/// Something that is injected: to compare with what a pod has, and prepared once for the patch.
struct Fragment : PreparedJson {
  Fragment(nlohmann::json json);  // NOLINT(google-explicit-constructor): a value and its print

  nlohmann::json value;
};

/// A volume that is injected, and the most that the API server makes of it by its defaults.
struct OwnVolume {
  Fragment fragment;
  nlohmann::json with_defaults;
};

/// The init container, whole and by the members that are compared one by one.
struct Installer {
  Fragment whole;
  Fragment image;
  Fragment command;
  Fragment security_context;
  Fragment volume_mounts;
  std::vector<Fragment> mounts;  ///< The elements of volume_mounts.
};

/// A member of the target's securityContext.
struct ContextMember {
  std::string name;
  PreparedJson text;
};

/// The target's securityContext, whole and by its members. Members of the pod that are kept beside
/// them are left where they are: nothing of the pod is copied.
struct Context {
  Fragment whole;
  std::vector<ContextMember> members;
};

/// Everything that a sandboxed pod gets. Made once for a configuration, then shared, read only.
struct Sandbox {
  Policy policy;
  Fragment checksum;            ///< Value of annotation checksum/seccomp.
  Fragment profile_annotation;  ///< Value of the profile's annotation, for Delivery::kAnnotation.
  OwnVolume profile_volume;     ///< Volume seccomp-profile.
  OwnVolume host_volume;        ///< Volume host-seccomp.
  Installer installer;
  nlohmann::json seccomp;       ///< The context's seccompProfile.
  nlohmann::json app_armor;     ///< The context's appArmorProfile; null where none is to be set.
  Context context;              ///< The target's securityContext,
  Context context_no_apparmor;  ///< and where the legacy annotation speaks for AppArmor.
};

/// Makes what `policy` asks for. `policy.profile` must be filled in.
Sandbox make_sandbox(Policy policy);

/// Templates of the paths at which this configuration, with any profile, or an earlier release puts
/// the profile of the target.
std::vector<std::string> profile_paths_of_ours(const Policy& policy);

/// True if `path` is where this configuration, with any profile, or an earlier release puts the
/// profile of the target.
bool is_profile_path_of_ours(std::string_view path, const Policy& policy);

}  // namespace webhook
