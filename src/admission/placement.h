#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/affinity_edits.h"
#include "scheduling/node_snapshot.h"
#include "scheduling/pod_constraints.h"

namespace webhook {

/// Says what an earlier review, of this release or another, has written into the node affinity: a
/// selector such as "kubernetes.io/hostname notin (a,b)".
inline constexpr std::string_view kAffinityAnnotation = "code-executor-webhook/node-affinity";

/// In bytes: longer than any of ours, which has at most 64 values of 63.
inline constexpr std::size_t kMaxAffinityAnnotation = 8192;

/// What is known of the nodes that a pod may go to.
enum class NodeOutlook {
  kNotKnown,  ///< Nodes are not looked at, or not known yet.
  kNone,      ///< There is none now.
  kClear,     ///< None is known bad.
  kSomeBad,
  kAllBad,
};

/// What becomes of the pod because of the nodes.
struct Placement {
  NodeOutlook outlook = NodeOutlook::kNotKnown;
  std::vector<AffinityEdit> edits;  ///< What keeps the pod off bad nodes, where they are not there.
  std::optional<std::string> mark;  ///< The annotation as it has to be; none: not there.
  bool changes_mark = false;        ///< It is not so yet.
  bool is_unguarded = false;        ///< Of kSomeBad: no label can keep it off them.

  // Of the bad nodes, for people.
  std::size_t bad = 0;
  std::vector<std::string> bad_names;  ///< Of the first ones.
  std::string why;                     ///< Why the first one is bad.

  [[nodiscard]] bool is_up_to_date() const { return edits.empty() && !changes_mark; }
};

/// Judges the nodes that the pod may go to. `mark` is the pod's kAffinityAnnotation: what it marks
/// is judged anew. `nodes` is null where they are not known: then nothing changes. Pure.
Placement to_placement(const PodConstraints& pod, const std::optional<std::string>& mark,
                       const NodeSnapshot* nodes);

/// What whoever creates the pod should know of its nodes: one line of at most `limit` characters;
/// empty if there is nothing.
std::string to_placement_warning(const Placement& placement, std::size_t limit);

}  // namespace webhook
