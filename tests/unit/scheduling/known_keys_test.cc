#include "scheduling/known_keys.h"

#include <string>

#include <doctest/doctest.h>

#include "scheduling/label_value.h"

namespace webhook {
namespace {

TEST_CASE("taints of a node's life are told from those of its purpose") {
  for (const char* key :
       {"node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable",
        "node.cloudprovider.kubernetes.io/uninitialized", "node.cluster.x-k8s.io/uninitialized",
        "ToBeDeletedByClusterAutoscaler", "startup-taint.cluster-autoscaler.kubernetes.io/gpu",
        "karpenter.sh/disrupted", "karpenter.sh/unregistered", "node.cilium.io/agent-not-ready",
        "ebs.csi.aws.com/agent-not-ready"}) {
    CAPTURE(key);
    CHECK(is_lifecycle_taint(key));
  }
  for (const char* key :
       {"", "dedicated", "nvidia.com/gpu", "node.kubernetes.io", "agent-not-ready",
        "node-role.kubernetes.io/control-plane", "example.com/node.kubernetes.io/",
        "ToBeDeletedByClusterAutoscaler/x", "kubernetes.azure.com/scalesetpriority"}) {
    CAPTURE(key);
    CHECK_FALSE(is_lifecycle_taint(key));
  }
}

TEST_CASE("an autoscaler shows by labels and taints") {
  for (const char* key : {"karpenter.sh/nodepool", "karpenter.k8s.aws/instance-family",
                          "karpenter.azure.com/sku-name", "ToBeDeletedByClusterAutoscaler"}) {
    CAPTURE(key);
    CHECK(shows_autoscaler(key));
  }
  for (const char* key : {"cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup", ""}) {
    CAPTURE(key);
    CHECK_FALSE(shows_autoscaler(key));
  }
}

TEST_CASE("the value of a label is told from other text") {
  for (const char* value : {"", "a", "A.b_c-9", "0"}) {
    CAPTURE(value);
    CHECK(is_label_value(value));
  }
  CHECK(is_label_value(std::string(63, 'a')));
  CHECK_FALSE(is_label_value(std::string(64, 'a')));
  for (const char* value : {"-a", "a-", ".", "a b", "a,b", "a/b", "\xc3\xa9", "a\n"}) {
    CAPTURE(value);
    CHECK_FALSE(is_label_value(value));
  }
}

}  // namespace
}  // namespace webhook
