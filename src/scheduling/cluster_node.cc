#include "scheduling/cluster_node.h"

#include <algorithm>
#include <string_view>

#include "base/json_reader.h"

namespace webhook {
namespace {

std::string read_name(const JsonValue& object, const char* kind) {
  const JsonValue metadata = object.field("metadata");
  const JsonValue name = metadata.field("name");
  std::string text(name.string());
  if (text.empty()) name.refuse(std::string("is missing (expected the name of a ") + kind + ')');
  return text;
}

void read_labels(const JsonValue& node, ClusterNode& to) {
  const JsonValue metadata = node.field("metadata");
  const JsonValue labels = metadata.field("labels");
  labels.for_each_member([&](std::string_view key, const JsonValue& value) {
    to.labels.emplace_back(key, value.string());
  });
  std::sort(to.labels.begin(), to.labels.end());
}

void read_spec(const JsonValue& spec, ClusterNode& to) {
  const JsonValue taints = spec.field("taints");
  taints.for_each([&](const JsonValue& taint, std::size_t) {
    const std::string_view effect = taint.field("effect").string();
    if (effect != "NoSchedule" && effect != "NoExecute") return;
    to.taints.push_back(
        {.key = std::string(taint.field("key").string()),
         .value = std::string(taint.field("value").string()),
         .effect = effect == "NoExecute" ? Taint::Effect::kNoExecute : Taint::Effect::kNoSchedule});
  });
}

void read_status(const JsonValue& status, ClusterNode& to) {
  const JsonValue info = status.field("nodeInfo");
  to.kernel_version = info.field("kernelVersion").string();
  to.kubelet_version = info.field("kubeletVersion").string();
  to.os_image = info.field("osImage").string();
  to.runtime_version = info.field("containerRuntimeVersion").string();
  const JsonValue handlers = status.field("runtimeHandlers");
  handlers.for_each([&](const JsonValue& handler, std::size_t) {
    const JsonValue features = handler.field("features");
    to.runtime_handlers.push_back({.name = std::string(handler.field("name").string()),
                                   .user_namespaces = features.field("userNamespaces").boolean()});
  });
}

}  // namespace

ClusterNode read_cluster_node(const JsonValue& node) {
  ClusterNode read;
  read.name = read_name(node, "Node");
  read_labels(node, read);
  read_spec(node.field("spec"), read);
  read_status(node.field("status"), read);
  return read;
}

RuntimeClass read_runtime_class(const JsonValue& runtime_class) {
  RuntimeClass read;
  read.name = read_name(runtime_class, "RuntimeClass");
  read.handler = runtime_class.field("handler").string();
  return read;
}

}  // namespace webhook
