#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "scheduling/node_set.h"
#include "scheduling/node_snapshot.h"
#include "scheduling/pod_constraints.h"

namespace webhook {

/// How many values a requirement may have that keeps a pod off nodes.
inline constexpr std::size_t kMostAvoided = 64;

/// A requirement that keeps a pod off all of `bad`, which are bad nodes by `view`, and off no node
/// that is not bad, of those that there are or that are to come: by our label, by the pools that
/// have bad nodes only, or else by the nodes' names, where no autoscaler makes nodes. Never by a
/// zone or another part of the topology. None if there is no such one.
std::optional<NodeRequirement> find_avoidance(const NodeSet& bad, const NodeSnapshot& nodes,
                                              const NodeSnapshot::View& view);

/// True for a requirement that find_avoidance() can give, in this cluster or in another.
bool can_be_avoidance(const NodeRequirement& requirement);

/// As kubectl takes selectors: "kubernetes.io/hostname notin (a,b)".
std::string to_selector(const NodeRequirement& avoidance);

}  // namespace webhook
