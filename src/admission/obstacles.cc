#include "admission/obstacles.h"

namespace webhook {
namespace {

Obstacle to_gate(const Policy& policy, const ClusterState& cluster) {
  if (cluster.version >= policy.minimum_version) {
    return {"the API server drops hostUsers or procMount",
            "turn on its features UserNamespacesSupport and ProcMountType", "enable both"};
  }
  return {"Kubernetes " + to_string(cluster.version) + " is older than " +
              to_string(policy.minimum_version),
          "upgrade the cluster", "upgrade it"};
}

}  // namespace

bool is_of_the_target(Reason reason) {
  return reason == Reason::kExplicitSecurityContext || reason == Reason::kRunsWithoutNsjail;
}

Obstacle to_obstacle(Reason reason, const Policy& policy, const ClusterState& cluster) {
  switch (reason) {
    case Reason::kNoTargetContainer: {
      const std::string name = '\'' + policy.container_name + '\'';
      return {"the pod has no container " + name, "name it " + name, "name it so"};
    }
    case Reason::kRunsWithoutNsjail:
      return {"it runs user code without nsjail", "remove env CONTAINER_UNPRIVILEGED_MODE",
              "remove CONTAINER_UNPRIVILEGED_MODE"};
    case Reason::kExplicitSecurityContext:
      return {"it has a securityContext of its own", "remove its securityContext",
              "remove its securityContext"};
    case Reason::kClusterTooOld: return to_gate(policy, cluster);
    case Reason::kHostNamespace:
      return {"it uses hostNetwork, hostPID or hostIPC", "remove hostNetwork, hostPID and hostIPC",
              "remove them"};
    case Reason::kHostUsersRequested:
      return {"it sets hostUsers: true", "remove hostUsers", "remove it"};
    case Reason::kRawBlockVolume:
      return {"a container has volumeDevices", "remove volumeDevices", "remove them"};
    case Reason::kUnmappableVolume:
      return {"it mounts a hostPath of /dev, /proc or /sys, or nfs", "remove that volume",
              "remove it"};
    case Reason::kUnmappedId: {
      const std::string ids = std::to_string(policy.ids_per_pod);
      return {"a user or group id is not below " + ids, "use ids below " + ids, "lower it"};
    }
    case Reason::kNameConflict:
      return {"it has names that code-executor-webhook uses", "rename them", "rename them"};
    default: break;
  }
  return {"no node that it may go to can run it", "add a node that supports user namespaces",
          "add one that can"};
}

}  // namespace webhook
