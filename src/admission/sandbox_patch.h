#pragma once

#include "admission/pod_facts.h"
#include "admission/sandbox.h"
#include "base/json_patch.h"

namespace webhook {

/// The patch that sandboxes the pod of `pod`: as few operations as it takes, each parent made where
/// it is absent, no list written anew. What the pod already has is left as it is.
JsonPatch to_sandbox_patch(const PodFacts& pod, const Sandbox& sandbox);

/// The patch that gives the target `securityContext: {privileged: true}`; empty if it has just
/// that.
JsonPatch to_privileged_patch(const PodFacts& pod);

}  // namespace webhook
