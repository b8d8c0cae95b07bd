#include "yaml/manifest.h"

#include <yaml-cpp/yaml.h>

#include <map>
#include <set>

#include "yaml/documents.h"
#include "yaml/error.h"
#include "yaml/scalar.h"

namespace webhook {
namespace {

constexpr std::size_t kMaxDepth = 100;  // API objects have some 20 levels
/// All documents together may have one node for each byte of text, more than they can have without
/// aliases, and this many more: a few nested aliases could make millions.
constexpr std::size_t kMaxAliasedNodes = 100'000;

class Converter {
 public:
  Converter(const std::string& name, std::size_t text_size)
      : name_(name), max_nodes_(text_size + kMaxAliasedNodes) {}

  Document convert(const YAML::Node& node, std::size_t depth = 0) {
    if (depth > kMaxDepth) fail(node.Mark(), "nested too deeply (expected at most 100 levels)");
    if (++nodes_ > max_nodes_) fail(node.Mark(), "too large once its aliases are expanded");
    switch (node.Type()) {
      case YAML::NodeType::Map: return convert_map(node, depth);
      case YAML::NodeType::Sequence: return convert_sequence(node, depth);
      case YAML::NodeType::Scalar: return convert_scalar(node);
      default: return nullptr;
    }
  }

 private:
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    throw YamlError(name_, mark, what);
  }

  Document convert_sequence(const YAML::Node& node, std::size_t depth) {
    Document list = Document::array();
    for (const auto& element : node) list.push_back(convert(element, depth + 1));
    return list;
  }

  Document convert_map(const YAML::Node& node, std::size_t depth) {
    Document object = Document::object();
    std::set<std::string> seen;
    std::vector<YAML::Node> merged;
    for (const auto& member : node) {
      const std::string key = convert_key(member.first);
      if (!seen.insert(key).second) {
        fail(member.first.Mark(), "key '" + key + "' is there twice (expected once)");
      }
      if (key == "<<" && member.first.Tag() == "?") {
        merged.push_back(member.second);
      } else {
        object[key] = convert(member.second, depth + 1);
      }
    }
    for (const auto& from : merged) merge(object, from, depth);
    return object;
  }

  /// "<<": the members of a mapping, or of each of a list of them, that are not there yet.
  void merge(Document& object, const YAML::Node& from, std::size_t depth) {
    if (from.IsSequence()) {
      for (const auto& element : from) merge(object, element, depth + 1);
      return;
    }
    if (!from.IsMap()) fail(from.Mark(), "<< is not a mapping (expected one, or a list of them)");
    const Document members = convert(from, depth + 1);
    for (const auto& [key, value] : members.items()) {
      if (!object.contains(key)) object[key] = value;
    }
  }

  std::string convert_key(const YAML::Node& node) {
    if (!node.IsScalar()) fail(node.Mark(), "key is not a scalar (expected a string)");
    const Document key = convert_scalar(node);
    if (key.is_null()) fail(node.Mark(), "key is null (expected a string)");
    return key.is_string() ? key.get<std::string>() : key.dump();
  }

  Document convert_scalar(const YAML::Node& node) {
    const std::string& tag = node.Tag();
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return to_string_value(node);
    const bool is_resolved = tag == "?" || tag.empty() || tag == "tag:yaml.org,2002:null" ||
                             tag == "tag:yaml.org,2002:bool" || tag == "tag:yaml.org,2002:int" ||
                             tag == "tag:yaml.org,2002:float";
    if (!is_resolved) fail(node.Mark(), "tag '" + tag + "' (expected none)");
    const auto value = resolve_scalar(node.Scalar());
    if (!value)
      fail(node.Mark(), "number '" + node.Scalar() + "' (expected one that JSON can hold)");
    return value->is_string() ? to_string_value(node) : *value;
  }

  [[nodiscard]] Document to_string_value(const YAML::Node& node) const {
    Document text = node.Scalar();
    try {
      (void)text.dump();  // throws what is not UTF-8
    } catch (const Document::exception&) {
      fail(node.Mark(), "text is not UTF-8");
    }
    return text;
  }

  const std::string& name_;
  const std::size_t max_nodes_;
  std::size_t nodes_ = 0;
};

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
  Converter converter(name, text.size());
  for (const YAML::Node& node : load_yaml(text, name)) {
    if (Document document = converter.convert(node); !document.is_null()) {
      documents.push_back(std::move(document));
    }
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
