#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "admission/policy.h"

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

/// Something that is injected: to compare with what a pod has, and printed once for the patch.
struct Fragment {
  Fragment(nlohmann::json json);  // NOLINT(google-explicit-constructor): a value and its print

  nlohmann::json value;
  std::string text;
};

/// Everything that a sandboxed pod gets. Made once for a configuration, then shared, read only.
struct Sandbox {
  Policy policy;
  Fragment checksum;            ///< Value of annotation checksum/seccomp.
  Fragment profile_annotation;  ///< Value of the profile's annotation, for Delivery::kAnnotation.
  Fragment profile_volume;      ///< Volume seccomp-profile.
  Fragment host_volume;         ///< Volume host-seccomp.
  Fragment installer;           ///< Init container install-seccomp,
  /// and how it is known again: by what it does. Others may rewrite its image to a mirror registry
  /// or size its resources.
  nlohmann::json installer_identity;
  Fragment context;              ///< The target's securityContext,
  Fragment context_no_apparmor;  ///< and where the legacy annotation speaks for AppArmor.
};

/// Makes what `policy` asks for. `policy.profile` must be filled in.
Sandbox make_sandbox(Policy policy);

}  // namespace webhook
