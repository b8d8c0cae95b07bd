#pragma once

#include <string>
#include <vector>

#include "cli/explained.h"
#include "kube/client.h"
#include "kube/resource_type.h"

namespace webhook {

/// An object as a command line names it.
struct ObjectName {
  const ResourceType* type;
  std::string name;
};

/// Reads "deploy/NAME", "pod/NAME" ..., or "deploy NAME ...", as kubectl does. Throws UsageError.
std::vector<ObjectName> parse_object_names(const std::vector<std::string>& words);

/// Explains the object of namespace `ns`, its owners, and what pods there are of it; of a pod also
/// the template that it is made from. Throws std::runtime_error.
std::vector<Explained> explain_named(const KubeClient& client, const ObjectName& object,
                                     const std::string& ns, Explainer& explainer);

}  // namespace webhook
