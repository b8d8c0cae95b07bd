#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

#include "scheduling/node_snapshot.h"
#include "support/dice.h"

namespace webhook {

/// Up to nine nodes, alike enough that pods choose among them: good, bad and unknown, with labels
/// of pools and autoscalers, odd hostnames and taints. `is_plain`: none of Windows, and no taints
/// of a node's life, of which the scheduler knows nothing that we do not.
std::vector<nlohmann::json> make_nodes(Dice& dice, bool is_plain);

/// The same nodes for the same seed, and a RuntimeClass.
std::shared_ptr<const NodeSnapshot> generate_nodes(std::uint64_t seed);

/// Gives the spec of a pod what says to which of such nodes it may go: rightly and, now and then,
/// in a way that API servers refuse.
void add_constraints(Dice& dice, nlohmann::json& spec);

/// What an earlier review may have written into the annotation, or somebody else.
nlohmann::json make_mark(Dice& dice);

}  // namespace webhook
