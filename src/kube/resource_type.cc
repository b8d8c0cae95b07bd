#include "kube/resource_type.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace webhook {
namespace {

constexpr std::array<ResourceType, 9> kTypes{{
    {"", "Pod", "pods", "po"},
    {"apps", "Deployment", "deployments", "deploy"},
    {"apps", "StatefulSet", "statefulsets", "sts"},
    {"apps", "DaemonSet", "daemonsets", "ds"},
    {"apps", "ReplicaSet", "replicasets", "rs"},
    {"", "ReplicationController", "replicationcontrollers", "rc"},
    {"batch", "Job", "jobs", ""},
    {"batch", "CronJob", "cronjobs", "cj"},
    {"", "PodTemplate", "podtemplates", ""},
}};

template <class Matches>
const ResourceType* find(Matches matches) {
  const auto* found = std::find_if(kTypes.begin(), kTypes.end(), matches);
  return found == kTypes.end() ? nullptr : found;
}

}  // namespace

const ResourceType* find_resource_type(std::string_view word) {
  // "deployments.apps", and "deployments.v1.apps".
  const std::size_t dot = std::min(word.find('.'), word.size());
  const std::string_view name = word.substr(0, dot);
  std::string_view group = word.substr(std::min(dot + 1, word.size()));
  const bool has_group = dot < word.size();
  if (group.starts_with("v1.")) group.remove_prefix(3);
  return find([&](const ResourceType& type) {
    const bool is_named = equal_ignoring_case(name, type.kind) ||
                          equal_ignoring_case(name, type.plural) ||
                          (!name.empty() && equal_ignoring_case(name, type.abbreviation));
    return is_named && (!has_group || equal_ignoring_case(group, type.group));
  });
}

const ResourceType* find_resource_type(std::string_view api_version, std::string_view kind) {
  const std::size_t slash = api_version.find('/');
  const std::string_view group =
      slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  return find([&](const ResourceType& type) { return type.group == group && type.kind == kind; });
}

std::string known_resource_types() {
  std::string list;
  for (const ResourceType& type : kTypes) {
    list.append(list.empty() ? "" : ", ").append(to_lower(type.kind));
  }
  return list;
}

std::string list_path(const ResourceType& type, std::string_view ns) {
  std::string path = type.group.empty() ? "/api/v1" : "/apis/" + std::string(type.group) + "/v1";
  if (!ns.empty()) path.append("/namespaces/").append(ns);
  return path.append("/").append(type.plural);
}

std::string object_path(const ResourceType& type, std::string_view ns, std::string_view name) {
  return list_path(type, ns).append("/").append(name);
}

}  // namespace webhook
