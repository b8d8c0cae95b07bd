#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admission/explanation.h"
#include "admission/pod_state.h"
#include "cli/surroundings.h"
#include "cli/terminal.h"
#include "yaml/manifest.h"

namespace webhook {

/// An object that `explain` has looked at.
struct Explained {
  std::string kind;
  std::string ns;
  std::string name;
  std::optional<PodState> state;  ///< Of a pod that exists.
  bool has_target = false;
  Explanation explanation;
  Acting acting;
  std::string created;                              ///< RFC 3339; empty for what does not exist.
  std::string node;                                 ///< Of a pod that exists and is scheduled.
  std::string note;                                 ///< Why a pod may have been missed; or nothing.
  std::vector<std::string> owners = {};             ///< "ReplicaSet x", from the nearest.
  std::optional<std::vector<Explained>> pods = {};  ///< Of a workload that exists.
};

/// Explains pods and templates of pods by one configuration and one cluster.
class Explainer {
 public:
  Explainer(std::shared_ptr<const Sandbox> sandbox, ClusterState cluster,
            Surroundings& surroundings)
      : sandbox_(std::move(sandbox)), cluster_(std::move(cluster)), surroundings_(surroundings) {}

  /// Explains what is at `place`, in namespace `ns` where the object names none. Throws
  /// std::runtime_error for a pod that cannot be read.
  Explained explain(const PodPlace& place, const std::string& ns);

 private:
  /// What becomes of the pod of `request` where `actor` acts; changes what it is looked at with.
  Explanation explain_as(Actor actor, AdmissionRequest& request,
                         const std::shared_ptr<const NodeSnapshot>& nodes) const;

  std::shared_ptr<const Sandbox> sandbox_;
  ClusterState cluster_;
  Surroundings& surroundings_;
  JsonParser parser_;
};

/// Green, yellow or red.
Colour colour_of(PodState state);

/// Several lines for people.
void print(const Explained& explained);

/// The same for programs.
Document to_json(const Explained& explained);

}  // namespace webhook
