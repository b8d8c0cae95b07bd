#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "scheduling/node_inventory.h"
#include "scheduling/node_snapshot.h"

namespace webhook {

using Labels = std::map<std::string, std::string>;

/// A v1 Node that can run the sandbox, its hostname label like its name.
nlohmann::json good_node(const std::string& name, const Labels& labels = {});

/// One whose kernel is too old.
nlohmann::json bad_node(const std::string& name, const Labels& labels = {});

/// The snapshot of these objects, Nodes and RuntimeClasses. Throws std::runtime_error for
/// what cannot be read.
std::shared_ptr<const NodeSnapshot> snapshot_of(const std::vector<nlohmann::json>& objects);

/// Puts them into `inventory`; throws likewise.
void put_all(const std::vector<nlohmann::json>& objects, NodeInventory& inventory);

}  // namespace webhook
