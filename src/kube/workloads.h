#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kube/client.h"
#include "kube/resource_type.h"
#include "yaml/manifest.h"

namespace webhook {

/// The controller of an object, or the controller of that.
struct Owner {
  std::string kind;
  std::string name;
  Document object;  ///< Null where it is of a type that is not read, or is gone.
};

/// The controllers of `object` of namespace `ns`, from its own to the last that is known. Error: as
/// get_object().
Result<std::vector<Owner>> owners_of(const KubeClient& client, const Document& object,
                                     const std::string& ns);

/// Calls `visit` for each pod of namespace `ns` that `workload`, or a ReplicaSet or a Job of it,
/// controls and that has not ended. Error: as for_each_object().
std::optional<Error> for_each_pod_of(const KubeClient& client, const Document& workload,
                                     const std::string& ns,
                                     const std::function<void(Document&)>& visit);

/// Calls `visit` for each pod of `ns`, or of all namespaces where that is empty, that has not
/// ended. Error: as for_each_object().
std::optional<Error> for_each_running_pod(const KubeClient& client, const std::string& ns,
                                          const std::function<void(Document&)>& visit);

}  // namespace webhook
