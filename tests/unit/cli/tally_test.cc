#include "cli/tally.h"

#include <doctest/doctest.h>

namespace webhook {

TEST_CASE("a line says what was read and what became of the pods") {
  Tally tally;
  CHECK_FALSE(tally.has_objects());
  tally.add_object("Deployment");
  CHECK(tally.has_objects());
  tally.add_pod("Deployment a/b", Outcome::kSandboxed, Reason::kSupported);
  CHECK(tally.to_line() == "1 object, 1 pod: 1 sandboxed");
  tally.add_object("Pod");
  tally.add_object("Service");
  tally.add_object("Pod");
  tally.add_pod("Pod a/c", Outcome::kUnchanged, Reason::kOptedOut);
  tally.add_pod("Pod a/d", Outcome::kPrivileged, Reason::kHostNamespace);
  tally.add_pod("Pod a/e", Outcome::kUnchanged, Reason::kOptedOut);
  CHECK(tally.to_line() ==
        "4 objects, 4 pods: 1 sandboxed, 3 left: 1 privileged (host_namespace), 2 unchanged "
        "(opted_out)");
}

TEST_CASE("without a pod it says what was found and what was expected") {
  Tally tally;
  for (const char* kind : {"Service", "ConfigMap", "Service"}) tally.add_object(kind);
  CHECK(tally.to_line() ==
        "3 objects, no pods: 1 ConfigMap, 2 Service (expected Pod, Deployment, StatefulSet, "
        "DaemonSet, ReplicaSet, ReplicationController, Job, CronJob, PodTemplate, for there to be "
        "something to decide)");
}

TEST_CASE("the pods that came out so are named") {
  Tally tally;
  tally.add_pod("Pod a/b", Outcome::kSandboxed, Reason::kSupported);
  tally.add_pod("Pod a/c", Outcome::kPrivileged, Reason::kHostNamespace);
  tally.add_pod("Pod a/d", Outcome::kUnchanged, Reason::kOptedOut);
  CHECK(tally.find({}).empty());
  CHECK(tally.find({"denied"}).empty());
  CHECK(tally.find({"privileged", "unchanged"}) ==
        "Pod a/c is privileged (host_namespace), Pod a/d is unchanged (opted_out)");
}

}  // namespace webhook
