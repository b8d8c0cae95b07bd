#include "scheduling/node_list.h"

#include <cstddef>
#include <string_view>

#include "base/json_reader.h"
#include "scheduling/cluster_node.h"
#include "scheduling/node_inventory.h"

namespace webhook {
namespace {

/// `kind` stands for that of an object that names none, as the elements of a list do.
void put_object(const JsonValue& object, std::string_view kind, NodeInventory& inventory) {
  const JsonValue own = object.field("kind");
  if (own.is_present()) kind = own.string();
  if (kind == "Node") {
    inventory.put(read_cluster_node(object));
  } else if (kind == "RuntimeClass") {
    inventory.put(read_runtime_class(object));
  } else {
    own.refuse("expected NodeList, or a List of Node and RuntimeClass");
  }
}

}  // namespace

void put_objects(const JsonValue& object, NodeInventory& inventory) {
  const JsonValue own = object.field("kind");
  const std::string_view kind = own.string();
  if (kind != "List" && kind != "NodeList") return put_object(object, kind, inventory);
  const JsonValue items = object.field("items");
  items.for_each([&](const JsonValue& item, std::size_t) {
    put_object(item, kind == "NodeList" ? "Node" : "", inventory);
  });
}

}  // namespace webhook
