#include "support/nodes.h"

#include <stdexcept>

#include "base/json_reader.h"
#include "scheduling/node_list.h"

namespace webhook {

using Json = nlohmann::json;

Json good_node(const std::string& name, const Labels& labels) {
  Labels all = {{"kubernetes.io/hostname", name}, {"kubernetes.io/os", "linux"}};
  for (const auto& [key, value] : labels) all[key] = value;
  return {{"kind", "Node"},
          {"metadata", {{"name", name}, {"labels", all}}},
          {"spec", Json::object()},
          {"status",
           {{"nodeInfo",
             {{"kernelVersion", "6.8.0-45-generic"},
              {"kubeletVersion", "v1.34.1"},
              {"osImage", "Ubuntu 24.04.1 LTS"},
              {"containerRuntimeVersion", "containerd://2.1.4"}}},
            {"runtimeHandlers", {{{"name", ""}, {"features", {{"userNamespaces", true}}}}}}}}};
}

Json bad_node(const std::string& name, const Labels& labels) {
  Json node = good_node(name, labels);
  node["status"]["nodeInfo"]["kernelVersion"] = "5.15.0-130-generic";
  return node;
}

void put_all(const std::vector<Json>& objects, NodeInventory& inventory) {
  const std::string body = Json{{"kind", "List"}, {"items", objects}}.dump();
  JsonParser parser;
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  put_objects(root, inventory);
  if (document.error()) throw std::runtime_error(document.error()->message);
}

std::shared_ptr<const NodeSnapshot> snapshot_of(const std::vector<Json>& objects) {
  NodeInventory inventory;
  put_all(objects, inventory);
  return inventory.snapshot();
}

}  // namespace webhook
