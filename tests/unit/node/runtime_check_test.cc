#include "node/runtime_check.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace webhook {
namespace {

NodeFacts node_with(ContainerRuntime runtime) {
  NodeFacts facts;
  facts.runtime_endpoint = "/run/containerd/containerd.sock";
  facts.runtime = std::move(runtime);
  return facts;
}

TEST_CASE("container-runtime: what it says of its handlers counts, else its version") {
  struct Row {
    ContainerRuntime runtime;
    CheckStatus want;
    std::string meaning;
  };
  for (const Row& row : std::vector<Row>{
           {{"containerd", "v2.1.4", {{"", true}, {"runc", true}}},
            CheckStatus::kPass,
            "runs pods with user namespaces"},
           {{"containerd", "v2.1.4", {{"gvisor", true}, {"", false}}},
            CheckStatus::kFail,
            "runc 1.2 or crun 1.9"},
           {{"cri-o", "1.33.1", {{"crun", true}, {"runc", false}}},
            CheckStatus::kPass,
            "runs pods"},
           {{"cri-o", "1.33.1", {{"runc", false}}}, CheckStatus::kFail, "runc 1.2"},
           {{"containerd", "1.7.28", {}}, CheckStatus::kFail, "upgrade to containerd 2.0 or later"},
           {{"containerd", "v2.0.0-rc.1", {}}, CheckStatus::kWarn, "does not tell"},
           {{"cri-o", "1.24.6", {}}, CheckStatus::kFail, "upgrade to CRI-O 1.25 or later"},
           {{"cri-o", "1.25.0", {}}, CheckStatus::kWarn, "does not tell"},
           {{"docker", "28.0.1", {}}, CheckStatus::kWarn, "not a runtime whose versions are known"},
           {{"containerd", "main", {}},
            CheckStatus::kWarn,
            "not a runtime whose versions are known"}}) {
    const NodeCheck check = check_container_runtime(node_with(row.runtime));
    CAPTURE(check.found);
    CAPTURE(check.meaning);
    CHECK(check.id == "container-runtime");
    CHECK(check.status == row.want);
    CHECK(check.found == row.runtime.name + " " + row.runtime.version);
    CHECK(check.meaning.find(row.meaning) != std::string::npos);
  }
}

TEST_CASE("container-runtime: one that cannot be asked is not called bad") {
  NodeFacts facts = node_with({});
  facts.runtime_failure = "Permission denied";
  const NodeCheck check = check_container_runtime(facts);
  CHECK(check.status == CheckStatus::kWarn);
  CHECK(check.found == "/run/containerd/containerd.sock: Permission denied");
}

TEST_CASE("container-runtime is asked only where a runtime is seen") {
  const auto has_check = [](const NodeFacts& facts) {
    for (const NodeCheck& check : check_node(facts)) {
      if (check.id == "container-runtime") return true;
    }
    return false;
  };
  CHECK(has_check(node_with({"containerd", "v2.1.4", {{"", true}}})));
  CHECK_FALSE(has_check(NodeFacts{}));
}

}  // namespace
}  // namespace webhook
