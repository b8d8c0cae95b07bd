#pragma once

namespace webhook {

class JsonValue;
class NodeInventory;

/// Puts what `object` has into `inventory`: a NodeList, as the API server lists nodes; a List of
/// Nodes and RuntimeClasses, as `kubectl get nodes,runtimeclasses -o json` prints it; or one of
/// them. Another kind is wrong. What is wrong sticks to the document of `object`.
void put_objects(const JsonValue& object, NodeInventory& inventory);

}  // namespace webhook
