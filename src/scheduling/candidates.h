#pragma once

#include <functional>

#include "scheduling/node_set.h"
#include "scheduling/node_snapshot.h"
#include "scheduling/pod_constraints.h"

namespace webhook {

/// True for a requirement that is to be read as if it were not there.
using IsIgnored = std::function<bool(const NodeRequirement&)>;

/// The nodes that a scheduler may send the pod to, by its nodeName, nodeSelector, required node
/// affinity and tolerations, as k8s.io/component-helpers scheduling/corev1 has them: whether there
/// is room is another matter. Taints of a node's life keep nobody off (see is_lifecycle_taint()),
/// nor does a cordon: such nodes come back.
///
/// A requirement that API servers refuse, such as a Gt without a number, matches nothing. A pod
/// with a nodeName does not meet the scheduler: of the taints the kubelet of its node looks at
/// those with NoExecute only.
NodeSet find_candidates(const PodConstraints& pod, const NodeSnapshot& nodes,
                        const IsIgnored& is_ignored = {});

}  // namespace webhook
