#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/facts.h"

namespace webhook {

enum class CheckStatus {
  kPass,
  kWarn,  ///< It may not work, or could not be seen.
  kFail,  ///< Code-executor pods will not work on this node.
};

/// "pass", "warn", "fail".
std::string_view to_string(CheckStatus status);

/// One question asked of a node. Each text is one line.
struct NodeCheck {
  std::string_view id;
  CheckStatus status = CheckStatus::kPass;
  std::string found;
  std::string meaning;  ///< For code-executor pods; and what to do, where there is something.
};

/// Judges a node: every check, always in the same order; `container-runtime` and `kubelet-root`
/// where a runtime and a kubelet are seen. Pure.
std::vector<NodeCheck> check_node(const NodeFacts& facts);

/// What an administrator can say of the node with kSandboxLabel, by `checks` of `facts`: false if a
/// check fails; true if all is well, whatever the number of the kernel, and the runtime was asked:
/// true counts for more than what the kubelet tells of that. Else none.
std::optional<bool> to_sandbox_label(const NodeFacts& facts, const std::vector<NodeCheck>& checks);

/// "fail" if one check fails, else "warn" if one warns, else "pass".
CheckStatus worst_of(const std::vector<NodeCheck>& checks);

}  // namespace webhook
