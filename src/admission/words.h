#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "admission/decision.h"
#include "admission/obstacles.h"

namespace webhook {

// What denials and warnings are made of, for the server and for the policies alike.

// Of denials.
inline constexpr std::string_view kCannotBeSandboxed = "the code-executor cannot be sandboxed: ";
inline constexpr std::string_view kInsistingLabel = "label code-executor-webhook/mode: sandbox";
inline constexpr std::string_view kOwnContext =
    "the sandbox's securityContext from the code-executor";
inline constexpr std::string_view kOwnUserNamespace = "hostUsers: false";
inline constexpr std::string_view kChangeFallback =
    "change sandbox.fallback of code-executor-webhook";
inline constexpr std::string_view kChangeNodeFallback =
    "change sandbox.nodeFallback of code-executor-webhook";

/// What is in the way of ours.
inline constexpr std::string_view kForeignProfileVolume =
    "volume 'seccomp-profile' is not the one that code-executor-webhook adds";
inline constexpr std::string_view kForeignHostVolume =
    "volume 'host-seccomp' is not the one that code-executor-webhook adds";
inline constexpr std::string_view kForeignInstaller =
    "container 'install-seccomp' is not the one that code-executor-webhook adds";
inline constexpr std::string_view kForeignMount =
    "a container mounts volume 'seccomp-profile' or 'host-seccomp', of code-executor-webhook";
inline constexpr std::string_view kRenameIt =
    " (rename it, or opt out with label code-executor-webhook/mode: \"off\")";

// Of warnings.
inline constexpr std::string_view kModeIgnoredStart = "label code-executor-webhook/mode: '";
inline constexpr std::string_view kModeIgnoredEnd = "' ignored (expected off or sandbox)";
inline constexpr std::size_t kMaxShownMode = 24;  ///< Characters of a label.
inline constexpr std::string_view kRunsPrivileged = "runs privileged";
inline constexpr std::string_view kStaysPrivileged = "stays privileged";
inline constexpr std::string_view kIsLeftUnchanged = "is left unchanged";
inline constexpr std::string_view kMountsKubeletRoot =
    "code-executor mounts the node's kubelet directory or one above: no sandbox holds that "
    "(remove the hostPath)";
inline constexpr std::string_view kCanWriteProfiles =
    "a container can write to the kubelet's seccomp directory, and so to the profile (remove "
    "the hostPath)";
inline constexpr std::string_view kPrivilegedSidecar =
    "a container beside the code-executor is privileged, and not sandboxed (remove "
    "privileged: true)";
inline constexpr std::string_view kStaticPod =
    "code-executor stays privileged: a static pod cannot be changed here (change its manifest)";
inline constexpr std::string_view kChartDefault =
    "code-executor stays privileged as set; label code-executor-webhook/mode: sandbox sandboxes it "
    "(README)";
inline constexpr std::string_view kOwnSandboxStart =
    "code-executor has a sandbox of its own, without ";
inline constexpr std::string_view kOwnSandboxEnd = " (README)";
inline constexpr std::string_view kNoEscalation = "allowPrivilegeEscalation: false";

/// Of a pod that falls back: what becomes of it, and why.
std::string to_fallback_warning(std::string_view what_becomes, Reason reason,
                                const Obstacle& obstacle);

/// Of a target that stays privileged while `first` stands in the way of the sandbox, and more
/// besides if `and_more`. `last` is what remains to be done then.
std::string to_blocked_warning(const Obstacle& first, bool and_more, std::string_view last);

/// Of a target that stays privileged by a context of its own, and by nothing else.
std::string to_own_context_warning(bool runs_without_nsjail);

/// How to take that context away.
std::string to_remove_context(bool runs_without_nsjail);

}  // namespace webhook
