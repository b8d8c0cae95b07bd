#pragma once

#include <memory>
#include <string>

#include "yaml/manifest.h"

namespace webhook {

class KubeClient;
class NodeInventory;
class NodeSnapshot;

/// The nodes of a file, YAML or JSON, `-` for standard input: a NodeList, or what `kubectl get
/// nodes,runtimeclasses -o yaml` prints. Throws std::runtime_error.
std::shared_ptr<const NodeSnapshot> load_nodes(const std::string& file);

/// The nodes and RuntimeClasses of the cluster, listed in pages; null, with the reason on stderr,
/// where they cannot be had: then nodes are not known.
std::shared_ptr<const NodeSnapshot> list_nodes(const KubeClient& client);

/// Puts a Node or a RuntimeClass, as it is in a manifest, into `inventory`. Throws
/// std::runtime_error.
void put_node(const Document& object, NodeInventory& inventory);

}  // namespace webhook
