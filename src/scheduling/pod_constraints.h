#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduling/cluster_node.h"

namespace webhook {

class JsonValue;

/// A v1 NodeSelectorRequirement.
struct NodeRequirement {
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist, kGt, kLt, kOther };

  std::string key;
  Operator op = Operator::kOther;
  std::vector<std::string> values;

  friend bool operator==(const NodeRequirement&, const NodeRequirement&) = default;
};

/// A v1 NodeSelectorTerm.
struct NodeSelectorTerm {
  std::vector<NodeRequirement> expressions;  ///< matchExpressions
  std::vector<NodeRequirement> fields;       ///< matchFields
  bool has_expressions_list = false;         ///< matchExpressions is there, empty or not.

  /// Such a term matches nothing.
  [[nodiscard]] bool is_empty() const { return expressions.empty() && fields.empty(); }

  friend bool operator==(const NodeSelectorTerm&, const NodeSelectorTerm&) = default;
};

/// A v1 Toleration.
struct Toleration {
  enum class Operator { kEqual, kExists, kGt, kLt, kOther };

  std::string key;
  Operator op = Operator::kEqual;
  std::string value;
  bool is_of_all_effects = true;
  std::optional<Taint::Effect> effect;  ///< None where it is of all, or of another.

  friend bool operator==(const Toleration&, const Toleration&) = default;
};

/// Where the affinity of a pod has room for another requirement: which of the parents are there.
struct AffinityParents {
  bool has_affinity = false;
  bool has_others_in_affinity = false;  ///< podAffinity, podAntiAffinity, or newer ones.
  bool has_node_affinity = false;
  bool has_others_in_node_affinity = false;  ///< preferredDuringSchedulingIgnoredDuringExecution.
  bool has_required = false;

  friend bool operator==(const AffinityParents&, const AffinityParents&) = default;
};

/// What a pod says of the nodes that it may go to.
struct PodConstraints {
  std::string node_name;
  std::string runtime_class;
  std::vector<std::pair<std::string, std::string>> node_selector;
  AffinityParents parents;
  std::vector<NodeSelectorTerm> terms;  ///< Of what is required.
  std::vector<Toleration> tolerations;
  /// There is more than any pod says, and not all of it is here: not to be judged.
  bool is_too_long = false;

  friend bool operator==(const PodConstraints&, const PodConstraints&) = default;
};

/// How many selectors, terms, requirements, values and tolerations are read of a pod, all together,
/// and how long each text may be in bytes (a label's key has up to 317): what it costs to keep and
/// to judge them is bounded, whatever the pod.
inline constexpr std::size_t kMostConstraints = 2048;
inline constexpr std::size_t kMostConstraintText = 512;
/// How many of them may be Gt or Lt: each is compared with every value that nodes have for its key,
/// which may be another one on each node.
inline constexpr std::size_t kMostComparisons = 32;

/// Reads the `spec` of a v1 Pod. What is wrong with a field that is read sticks to its document.
PodConstraints read_pod_constraints(const JsonValue& spec);

}  // namespace webhook
