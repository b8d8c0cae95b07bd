#pragma once

#include <string>
#include <string_view>

namespace webhook {

/// A type of objects that are pods or make some.
struct ResourceType {
  std::string_view group;  ///< Empty for the core.
  std::string_view kind;
  std::string_view plural;
  std::string_view abbreviation;  ///< kubectl's; empty where it has none.
};

/// The type of a word as kubectl takes it: "deploy", "deployment", "deployments",
/// "Deployment.apps", in any case. Null for others.
const ResourceType* find_resource_type(std::string_view word);

/// The type of an object, such as "apps/v1" and "Deployment", in whichever version. Null for
/// others.
const ResourceType* find_resource_type(std::string_view api_version, std::string_view kind);

/// "deployments, pods ...": those that find_resource_type() takes.
std::string known_resource_types();

/// Where the objects of a type are; of all namespaces where `ns` is empty.
std::string list_path(const ResourceType& type, std::string_view ns);

/// Where one object is. `ns` and `name` are names as Kubernetes takes them.
std::string object_path(const ResourceType& type, std::string_view ns, std::string_view name);

}  // namespace webhook
