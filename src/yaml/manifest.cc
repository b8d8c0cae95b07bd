#include "yaml/manifest.h"

#include <array>
#include <string_view>

#include "yaml/composer.h"
#include "yaml/error.h"
#include "yaml/json_escapes.h"

namespace webhook {
namespace {

struct Template {
  std::string_view group;
  std::string_view kind;
  const char* pointer;  ///< Where a pod's template is in an object.
};

constexpr std::array<Template, 9> kTemplates{{
    {"", "Pod", ""},
    {"apps", "Deployment", "/spec/template"},
    {"apps", "StatefulSet", "/spec/template"},
    {"apps", "DaemonSet", "/spec/template"},
    {"apps", "ReplicaSet", "/spec/template"},
    {"", "ReplicationController", "/spec/template"},
    {"batch", "Job", "/spec/template"},
    {"batch", "CronJob", "/spec/jobTemplate/spec/template"},
    {"", "PodTemplate", "/template"},
}};

/// Where a pod's template is in an object, or nothing for kinds that have none.
const char* template_pointer(const std::string& api_version, const std::string& kind) {
  const std::size_t slash = api_version.find('/');
  const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  for (const Template& each : kTemplates) {
    if (each.group == group && each.kind == kind) return each.pointer;
  }
  return nullptr;
}

std::string string_at(const Document& object, const char* pointer) {
  const Document::json_pointer at(pointer);
  return object.contains(at) && object.at(at).is_string() ? object.at(at).get<std::string>() : "";
}

/// True for a list of objects, of one kind or of several.
bool is_list(const Document& document) {
  return string_at(document, "/kind").ends_with("List") && document.contains("items") &&
         document["items"].is_array();
}

constexpr const char* kExpected = " (expected an object of Kubernetes, with apiVersion and kind)";

/// Why `document` is no object of Kubernetes, beginning with `where`; empty where it is one.
std::string why_no_object(const Document& document, const std::string& where) {
  if (!document.is_object()) {
    const char* article = document.is_array() ? "an " : "a ";
    return where + article + document.type_name() + kExpected;
  }
  for (const char* member : {"/apiVersion", "/kind"}) {
    if (string_at(document, member).empty()) {
      return where + "an object without " + (member + 1) + kExpected;
    }
  }
  const std::string kind = string_at(document, "/kind");
  if (kind == "AdmissionReview") {
    return where + "an AdmissionReview (expected manifests; the command `review` takes this)";
  }
  if (kind != "List" || !is_list(document)) return {};
  std::size_t index = 0;
  for (const Document& item : document["items"]) {
    const std::string item_at = where + "items[" + std::to_string(index++) + "]: ";
    if (std::string why = why_no_object(item, item_at); !why.empty()) return why;
  }
  return {};
}

void visit_pods(Document& document, const std::string& default_api_version,
                const std::string& default_kind,
                const std::function<void(const PodPlace&)>& visit) {
  if (!document.is_object()) return;
  std::string kind = string_at(document, "/kind");
  std::string api_version = string_at(document, "/apiVersion");
  if (is_list(document)) {
    // The API server answers a PodList whose items say neither.
    const std::string item_kind = kind.substr(0, kind.size() - std::string_view("List").size());
    for (Document& item : document["items"]) visit_pods(item, api_version, item_kind, visit);
    return;
  }
  if (kind.empty()) kind = default_kind;
  if (api_version.empty()) api_version = default_api_version;
  const char* pointer = template_pointer(api_version, kind);
  if (pointer == nullptr || !document.contains(Document::json_pointer(pointer))) return;
  std::string object_name = string_at(document, "/metadata/name");
  if (object_name.empty()) object_name = string_at(document, "/metadata/generateName");
  visit({.kind = kind,
         .ns = string_at(document, "/metadata/namespace"),
         .name = object_name,
         .template_at = Document::json_pointer(pointer),
         .object = &document});
}

void add_kinds(const Document& document, std::vector<std::string>& kinds) {
  if (!is_list(document)) {
    kinds.push_back(string_at(document, "/kind"));
    return;
  }
  const std::string kind = string_at(document, "/kind");
  for (const Document& item : document["items"]) {
    if (string_at(item, "/kind").empty()) {
      kinds.push_back(kind.substr(0, kind.size() - std::string_view("List").size()));
    } else {
      add_kinds(item, kinds);
    }
  }
}

/// Of YAML, or of JSON as programs write it.
std::vector<YamlDocument> compose(const std::string& text, const std::string& name) {
  const auto decoded = with_pairs_decoded(text);
  return compose_yaml(decoded ? *decoded : text, name);
}

}  // namespace

std::vector<Document> parse_manifest(const std::string& text, const std::string& name) {
  std::vector<Document> documents;
  for (YamlDocument& document : compose(text, name)) {
    if (!document.value.is_null()) documents.push_back(std::move(document.value));
  }
  return documents;
}

std::vector<Document> parse_objects(const std::string& text, const std::string& name) {
  std::vector<Document> objects;
  for (YamlDocument& document : compose(text, name)) {
    if (document.value.is_null()) continue;
    const std::string why = why_no_object(document.value, "");
    if (!why.empty()) throw YamlError(name, document.mark, why);
    objects.push_back(std::move(document.value));
  }
  return objects;
}

std::vector<std::string> kinds_in(const Document& document) {
  std::vector<std::string> kinds;
  add_kinds(document, kinds);
  return kinds;
}

std::string kinds_with_pods() {
  std::string kinds;
  for (const Template& each : kTemplates) kinds.append(kinds.empty() ? "" : ", ").append(each.kind);
  return kinds;
}

void for_each_pod(Document& document, const std::function<void(const PodPlace&)>& visit) {
  visit_pods(document, "", "", visit);
}

}  // namespace webhook
