#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduling/pod_constraints.h"

namespace webhook {

/// One operation of a JSON patch on the pod's affinity.
struct AffinityEdit {
  enum class Operation { kAdd, kReplace, kRemove };

  Operation operation = Operation::kAdd;
  std::string pointer;
  std::string value;  ///< JSON; empty for kRemove.

  friend bool operator==(const AffinityEdit&, const AffinityEdit&) = default;
};

struct AffinityEdits {
  std::vector<AffinityEdit> edits;
  bool keeps_some = false;  ///< A requirement of ours stays, though none is wanted.
};

/// True for a requirement that an earlier review wrote: `mark` says what it was, as a selector.
bool is_of_mark(const NodeRequirement& requirement, std::string_view mark);

/// Terms that are edited; a pod with more of them is told instead.
inline constexpr std::size_t kMostTerms = 16;

/// True where a requirement can be written into the affinity: there are no terms at all, or some
/// that match anything, and not too many of those.
bool can_be_avoiding(const PodConstraints& pod);

/// What makes each term of the pod that matches anything have `wanted`, and none have another one
/// of `mark`. Terms are ORed, so that it goes into each; an empty one matches nothing, and stays
/// so. Nothing if it is all there.
AffinityEdits to_affinity_edits(const PodConstraints& pod, std::string_view mark,
                                const std::optional<NodeRequirement>& wanted);

}  // namespace webhook
