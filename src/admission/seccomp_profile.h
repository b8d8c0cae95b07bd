#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "admission/policy.h"
#include "base/result.h"

namespace webhook {

/// What a ConfigMap holds: k8s.io/kubernetes pkg/apis/core/validation, MaxSecretSize.
inline constexpr std::size_t kMaxConfigMapBytes = 1U << 20U;
/// What all annotations of an object hold together: apimachinery TotalAnnotationSizeLimitB.
inline constexpr std::size_t kMaxAnnotationsBytes = 256U << 10U;

/// The largest profile that can be delivered: a ConfigMap holds nothing else, but an annotation has
/// others beside it, for which half of the room is left. What is on the nodes already has no limit
/// but that of a ConfigMap, in which another cluster may need it.
constexpr std::size_t max_profile_bytes(Delivery delivery) {
  return delivery == Delivery::kAnnotation ? kMaxAnnotationsBytes / 2 : kMaxConfigMapBytes;
}

/// Checks a seccomp profile before nodes are given it: a runtime that cannot read it fails the
/// start of each pod. Returns what is wrong: "syscalls[3].action: "ALLOW" (expected SCMP_ACT_...)".
///
/// It must be JSON in the form of the OCI runtime specification ("linux.seccomp"), which is what
/// containerd reads of it; `archMap`, `comment`, `includes` and `excludes` of other runtimes are
/// known too. A default action that lets calls through is refused: that is no sandbox. So is a
/// profile too large to be delivered. Pure.
std::optional<Error> validate_seccomp_profile(std::string_view bytes, Delivery delivery);

}  // namespace webhook
