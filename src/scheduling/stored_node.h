#pragma once

#include <cstdint>
#include <vector>

#include "scheduling/cluster_node.h"
#include "scheduling/node_verdict.h"
#include "scheduling/text_pool.h"

namespace webhook {

/// A node as the inventory keeps it: its texts are in the pool, and of its versions only the
/// verdict is left.
struct StoredNode {
  struct Label {
    TextPool::Id key;
    TextPool::Id value;

    friend bool operator==(const Label&, const Label&) = default;
  };

  struct StoredTaint {
    Label label;
    Taint::Effect effect;

    friend bool operator==(const StoredTaint&, const StoredTaint&) = default;
  };

  /// What pods are told whose RuntimeClass has this handler.
  struct Verdict {
    TextPool::Id handler;  ///< Of `otherwise` none.
    NodeState state;
    TextPool::Id why;

    friend bool operator==(const Verdict&, const Verdict&) = default;
  };

  std::vector<Label> labels;
  std::vector<StoredTaint> taints;
  std::vector<Verdict> verdicts;  ///< One for each of its handlers.
  Verdict otherwise{};            ///< For handlers that are not known, here or at all.

  friend bool operator==(const StoredNode&, const StoredNode&) = default;
};

/// Takes all texts from `pool`, which drop_texts() gives back.
StoredNode to_stored(const ClusterNode& node, TextPool& pool);
void drop_texts(const StoredNode& node, TextPool& pool);

}  // namespace webhook
