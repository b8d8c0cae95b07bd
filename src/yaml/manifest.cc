#include "yaml/manifest.h"

#include <map>

#include "yaml/composer.h"
#include "yaml/error.h"

namespace webhook {
namespace {

/// Where a pod's template is in an object, or nothing for kinds that have none.
const char* template_pointer(const std::string& api_version, const std::string& kind) {
  static const std::map<std::pair<std::string, std::string>, const char*> kTemplates{
      {{"", "Pod"}, ""},
      {{"", "PodTemplate"}, "/template"},
      {{"", "ReplicationController"}, "/spec/template"},
      {{"apps", "DaemonSet"}, "/spec/template"},
      {{"apps", "Deployment"}, "/spec/template"},
      {{"apps", "ReplicaSet"}, "/spec/template"},
      {{"apps", "StatefulSet"}, "/spec/template"},
      {{"batch", "CronJob"}, "/spec/jobTemplate/spec/template"},
      {{"batch", "Job"}, "/spec/template"},
  };
  const std::size_t slash = api_version.find('/');
  const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  const auto found = kTemplates.find({group, kind});
  return found == kTemplates.end() ? nullptr : found->second;
}

std::string string_at(const Document& object, const char* pointer) {
  const Document::json_pointer at(pointer);
  return object.contains(at) && object.at(at).is_string() ? object.at(at).get<std::string>() : "";
}

}  // namespace

std::vector<Document> parse_manifest(const std::string& text, const std::string& name) {
  std::vector<Document> documents;
  for (YamlDocument& document : compose_yaml(text, name)) {
    if (!document.value.is_null()) documents.push_back(std::move(document.value));
  }
  return documents;
}

void for_each_pod(Document& document, const std::function<void(const PodPlace&)>& visit) {
  if (!document.is_object()) return;
  const std::string kind = string_at(document, "/kind");
  if (kind.ends_with("List") && document.contains("items") && document["items"].is_array()) {
    for (Document& item : document["items"]) for_each_pod(item, visit);
    return;
  }
  const char* pointer = template_pointer(string_at(document, "/apiVersion"), kind);
  if (pointer == nullptr || !document.contains(Document::json_pointer(pointer))) return;
  std::string object_name = string_at(document, "/metadata/name");
  if (object_name.empty()) object_name = string_at(document, "/metadata/generateName");
  visit({.kind = kind,
         .ns = string_at(document, "/metadata/namespace"),
         .name = object_name,
         .template_at = Document::json_pointer(pointer),
         .object = &document});
}

}  // namespace webhook
