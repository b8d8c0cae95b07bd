#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace webhook {

/// A document of a manifest. Members keep their order.
using Document = nlohmann::ordered_json;

/// Reads YAML documents, or JSON, as kubectl does: YAML 1.1 with the scalars of Go's library, so
/// that an unquoted `off` is a boolean and "1.33" a string. Aliases and merge keys are expanded.
/// Empty documents are left out. `name` stands in messages. Throws YamlError
/// "FILE:LINE:COLUMN: what (what would be right)".
std::vector<Document> parse_manifest(const std::string& text, const std::string& name);

/// As parse_manifest(), of objects of Kubernetes: throws YamlError for a document, or an item of a
/// List, without apiVersion and kind, and for an AdmissionReview.
std::vector<Document> parse_objects(const std::string& text, const std::string& name);

/// The kinds of the objects of `document`: its own, or those of the items of a List.
std::vector<std::string> kinds_in(const Document& document);

/// The kinds that have pods, or templates of pods: "Pod, Deployment".
std::string kinds_with_pods();

/// Prints one document as YAML that every reader takes for the same data.
std::string to_yaml(const Document& document);

/// Prints one document as indented JSON, which a reader of YAML takes for the same data.
std::string to_json(const Document& document);

/// A pod, or the template of pods, inside a document.
struct PodPlace {
  std::string kind;  ///< Of the object it is in: "Deployment".
  std::string ns;
  std::string name;                    ///< Or generateName.
  Document::json_pointer template_at;  ///< In `object`: "" for a Pod, "/spec/template" and so on.
  Document* object;
};

/// Calls `visit` for each pod of `document`: of Pods, of workloads, and of Lists of them, whose
/// items need no kind in a list of one kind (PodList). Other kinds have none.
void for_each_pod(Document& document, const std::function<void(const PodPlace&)>& visit);

}  // namespace webhook
