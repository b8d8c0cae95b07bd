#include "kube/resource_type.h"

#include <doctest/doctest.h>

namespace webhook {
namespace {

TEST_CASE("types are found by the words that kubectl takes and prints") {
  struct Row {
    const char* word;
    const char* kind;  ///< Null: none.
  };
  for (const Row& row : {
           Row{"po", "Pod"},
           Row{"pod", "Pod"},
           Row{"pods", "Pod"},
           Row{"PODS", "Pod"},
           Row{"deploy", "Deployment"},
           Row{"deployment.apps", "Deployment"},
           Row{"deployments.v1.apps", "Deployment"},
           Row{"sts", "StatefulSet"},
           Row{"ds", "DaemonSet"},
           Row{"rs", "ReplicaSet"},
           Row{"rc", "ReplicationController"},
           Row{"job", "Job"},
           Row{"jobs.batch", "Job"},
           Row{"cj", "CronJob"},
           Row{"podtemplates", "PodTemplate"},
           Row{"", nullptr},
           Row{".", nullptr},
           Row{"pod.", "Pod"},
           Row{"pods.metrics.k8s.io", nullptr},
           Row{"job.apps", nullptr},
           Row{"deployment.batch", nullptr},
           Row{"svc", nullptr},
           Row{"rollout", nullptr},
       }) {
    CAPTURE(row.word);
    const ResourceType* found = find_resource_type(row.word);
    REQUIRE((found != nullptr) == (row.kind != nullptr));
    if (found != nullptr) CHECK(found->kind == row.kind);
  }
}

TEST_CASE("types are found by what an object or a reference says of itself") {
  CHECK(find_resource_type("apps/v1", "ReplicaSet")->plural == "replicasets");
  CHECK(find_resource_type("apps/v1beta2", "ReplicaSet")->plural == "replicasets");
  CHECK(find_resource_type("v1", "Pod")->plural == "pods");
  CHECK(find_resource_type("batch.volcano.sh/v1alpha1", "Job") == nullptr);
  CHECK(find_resource_type("argoproj.io/v1alpha1", "Rollout") == nullptr);
  CHECK(find_resource_type("v1", "pod") == nullptr);  // a kind is spelled in one way
}

TEST_CASE("paths are those of the API") {
  const ResourceType& pods = *find_resource_type("pods");
  const ResourceType& deployments = *find_resource_type("deployments");
  CHECK(list_path(pods, "") == "/api/v1/pods");
  CHECK(list_path(pods, "a") == "/api/v1/namespaces/a/pods");
  CHECK(object_path(deployments, "a", "b") == "/apis/apps/v1/namespaces/a/deployments/b");
  CHECK(known_resource_types().starts_with("pod, deployment, "));
}

}  // namespace
}  // namespace webhook
