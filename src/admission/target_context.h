#pragma once

#include <array>
#include <string_view>

#include "admission/sandbox.h"

namespace webhook {

class JsonValue;

/// Members of a securityContext that are kept: booleans, ids, and of the third only its level.
inline constexpr std::array<std::string_view, 2> kKeptFlags{"readOnlyRootFilesystem",
                                                            "runAsNonRoot"};
inline constexpr std::array<std::string_view, 2> kKeptIds{"runAsUser", "runAsGroup"};
inline constexpr std::string_view kKeptSeLinux = "seLinuxOptions";
inline constexpr std::string_view kKeptSeLinuxMember = "level";

/// What the target container says of its own securityContext.
enum class ContextKind {
  kAbsent,        ///< Nothing: absent, null, {}, or members that are all null.
  kOurs,          ///< What this release or another injects, with or without kept members.
  kChartDefault,  ///< privileged: true, which every released chart renders, with or without them.
  kExplicit,      ///< Anything else.
};

/// What is to be done with appArmorProfile, to bring a context of ours up to date.
enum class AppArmorEdit { kNone, kSet, kRemove };

/// The target's securityContext. Kept members take nothing away from the sandbox and are not set by
/// it: readOnlyRootFilesystem, runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions with level only.
struct TargetContext {
  ContextKind kind = ContextKind::kAbsent;
  bool is_privileged = false;
  bool keeps_members = false;
  bool unmasks_proc = false;                     ///< procMount: Unmasked.
  bool forbids_escalation = false;               ///< allowPrivilegeEscalation: false.
  bool has_localhost_profile = false;            ///< seccompProfile of type Localhost.
  bool has_profile_of_ours = false;              ///< That one is what a release of ours injects.
  bool has_current_profile = false;              ///< seccompProfile as it would be injected.
  AppArmorEdit app_armor = AppArmorEdit::kNone;  ///< Of kOurs only.

  /// True for a context of ours that is as we would inject it now.
  [[nodiscard]] bool is_current() const {
    return kind == ContextKind::kOurs && has_current_profile && app_armor == AppArmorEdit::kNone;
  }
};

/// Reads `context`, the securityContext of the target. `has_legacy_app_armor`: an annotation speaks
/// for AppArmor, so that the field is left out, or says what the API server made of the annotation.
TargetContext read_target_context(const JsonValue& context, const Sandbox& sandbox,
                                  bool has_legacy_app_armor);

}  // namespace webhook
