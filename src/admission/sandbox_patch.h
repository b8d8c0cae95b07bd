#pragma once

#include "admission/pod_facts.h"
#include "admission/sandbox.h"
#include "base/json_patch.h"

namespace webhook {

/// The patch that sandboxes the pod of `pod`, or brings its sandbox up to date: as few operations
/// as it takes, each parent made where it is absent, no list written anew, nothing of the pod
/// copied. Empty exactly if is_up_to_date.
JsonPatch to_sandbox_patch(const PodFacts& pod, const Sandbox& sandbox);

/// The patch that gives the target `securityContext: {privileged: true}`; empty if it is
/// privileged, whatever else its context says.
JsonPatch to_privileged_patch(const PodFacts& pod);

}  // namespace webhook
