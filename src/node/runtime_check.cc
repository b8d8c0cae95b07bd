#include "node/runtime_check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/kube_version.h"
#include "scheduling/node_verdict.h"

namespace webhook {
namespace {

using enum CheckStatus;

constexpr std::string_view kId = "container-runtime";

/// The handler of pods without a RuntimeClass. Runtimes list it without a name; where none does,
/// any will do.
bool has_user_namespaces(const std::vector<RuntimeHandler>& handlers) {
  const auto unnamed = std::find_if(handlers.begin(), handlers.end(),
                                    [](const RuntimeHandler& each) { return each.name.empty(); });
  if (unnamed != handlers.end()) return unnamed->has_user_namespaces;
  return std::any_of(handlers.begin(), handlers.end(),
                     [](const RuntimeHandler& each) { return each.has_user_namespaces; });
}

/// Of a runtime that tells nothing of its handlers, its version is all there is to go by.
NodeCheck check_version(const ContainerRuntime& runtime, const std::string& found) {
  const OldestRuntime* oldest = find_oldest_runtime(runtime.name);
  const auto version = parse_kube_version(runtime.version);
  if (oldest == nullptr || !version) {
    return {
        kId, kWarn, found,
        "not a runtime whose versions are known here (expected containerd 2.0 or CRI-O 1.25, or "
        "later)"};
  }
  if (*version < oldest->version) {
    return {kId, kFail, found,
            "pods with hostUsers: false do not start: upgrade to " + std::string(oldest->words) +
                " or later, or keep code-executor pods off this node"};
  }
  return {kId, kWarn, found,
          "new enough, but it does not tell whether its OCI runtime is: runc 1.2 or crun 1.9"};
}

}  // namespace

NodeCheck check_container_runtime(const NodeFacts& facts) {
  if (!facts.runtime_failure.empty()) {
    return {kId, kWarn, facts.runtime_endpoint + ": " + facts.runtime_failure,
            "could not be asked: run this as root, or name its CRI socket (--runtime-endpoint)"};
  }
  const ContainerRuntime& runtime = facts.runtime;
  const std::string found = runtime.name + " " + runtime.version;
  if (runtime.handlers.empty()) return check_version(runtime, found);
  if (has_user_namespaces(runtime.handlers)) {
    return {kId, kPass, found, "it runs pods with user namespaces, and so does its OCI runtime"};
  }
  return {kId, kFail, found,
          "its OCI runtime has no user namespaces: upgrade to runc 1.2 or crun 1.9, or keep "
          "code-executor pods off this node"};
}

}  // namespace webhook
