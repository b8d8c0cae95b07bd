#include "scheduling/known_keys.h"

#include <algorithm>

namespace webhook {
namespace {

// A word that ends with a slash stands for all keys below it.
//
// Kubernetes itself: docs "Taints and Tolerations", "Well-Known Labels, Annotations and Taints".
// node.cluster.x-k8s.io: Cluster API's book, "Labels and Annotations"; readiness.k8s.io: the node
// readiness controller of kubernetes-sigs. The cluster autoscaler's FAQ, "What are the taints" and
// utils/taints; Karpenter's docs, "Disruption", and pkg/apis/v1/taints.go. Termination: the docs of
// GKE's graceful shutdown, aws/aws-node-termination-handler. Gardener's docs, "Readiness of shoot
// worker nodes"; uswitch/nidhogg taints nodes until their DaemonSets run.
constexpr std::array<std::string_view, 14> kLifecycleTaints{
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "node.cluster.x-k8s.io/",
    "readiness.k8s.io/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "status-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
    "karpenter.sh/",
    "cloud.google.com/impending-node-termination",
    "aws-node-termination-handler/",
    "node.gardener.cloud/critical-components-not-ready",
    "nidhogg.uswitch.com/",
};

// Agents that a node waits for: node.cilium.io, ebs.csi.aws.com, efs.csi.aws.com and others write
// it alike (docs of Cilium, "Taints"; of the drivers, "install.md").
constexpr std::string_view kAgentTaint = "/agent-not-ready";

constexpr std::array<std::string_view, 8> kAutoscalers{
    "karpenter.sh/",
    "karpenter.k8s.aws/",
    "karpenter.azure.com/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "status-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
};

template <class Words>
bool is_among(const Words& words, std::string_view key) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return word.ends_with('/') ? key.starts_with(word) : key == word;
  });
}

}  // namespace

bool is_lifecycle_taint(std::string_view key) {
  return key.ends_with(kAgentTaint) || is_among(kLifecycleTaints, key);
}

bool shows_autoscaler(std::string_view key) { return is_among(kAutoscalers, key); }

}  // namespace webhook
