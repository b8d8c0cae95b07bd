#include "admission/placement.h"

#include "scheduling/avoidance.h"
#include "scheduling/candidates.h"

namespace webhook {
namespace {

constexpr std::size_t kMostNames = 8;

void describe_bad(const NodeSet& bad, const NodeSnapshot& nodes, const NodeSnapshot::View& view,
                  Placement& placement) {
  placement.bad = bad.size();
  bad.all_of([&](std::size_t node) {
    if (placement.bad_names.empty()) placement.why = nodes.why(view, node);
    placement.bad_names.emplace_back(nodes.name_of(node));
    return placement.bad_names.size() < kMostNames;
  });
}

/// What keeps the pod off the bad nodes among its candidates; fills in what is known of them.
std::optional<NodeRequirement> judge(const PodConstraints& pod, const NodeSet& candidates,
                                     const NodeSnapshot& nodes, Placement& placement) {
  if (candidates.empty()) {
    placement.outlook = NodeOutlook::kNone;
    return std::nullopt;
  }
  const NodeSnapshot::View& view = nodes.view_for(pod.runtime_class);
  NodeSet bad = candidates;
  bad &= view.bad;
  if (bad.empty()) {
    placement.outlook = NodeOutlook::kClear;
    return std::nullopt;
  }
  describe_bad(bad, nodes, view, placement);
  if (bad == candidates) {
    placement.outlook = NodeOutlook::kAllBad;
    return std::nullopt;
  }
  placement.outlook = NodeOutlook::kSomeBad;
  auto wanted = can_be_avoiding(pod) ? find_avoidance(bad, nodes, view) : std::nullopt;
  placement.is_unguarded = !wanted;
  return wanted;
}

/// "a, b and 3 more", so long that `rest` fits beside it.
std::string to_names(const Placement& placement, std::size_t limit) {
  std::string names;
  std::size_t named = 0;
  for (const std::string& name : placement.bad_names) {
    const std::size_t left = placement.bad - named - 1;
    const std::string more = left == 0 ? "" : " and " + std::to_string(left) + " more";
    std::string next = names;
    next.append(named == 0 ? "" : ", ").append(name);
    if (next.size() + more.size() > limit) break;
    names = std::move(next);
    ++named;
  }
  if (named == 0) return std::to_string(placement.bad) + " of them";
  if (named < placement.bad) {
    names.append(" and ").append(std::to_string(placement.bad - named)).append(" more");
  }
  return names;
}

}  // namespace

Placement to_placement(const PodConstraints& pod, const std::optional<std::string>& mark,
                       const NodeSnapshot* nodes) {
  Placement placement;
  placement.mark = mark;
  if (nodes == nullptr || pod.is_too_long) return placement;
  const std::string_view marked = mark ? std::string_view(*mark) : std::string_view();
  const NodeSet candidates = find_candidates(pod, *nodes, [&](const NodeRequirement& requirement) {
    return is_of_mark(requirement, marked);
  });
  const auto wanted = judge(pod, candidates, *nodes, placement);
  AffinityEdits edits = to_affinity_edits(pod, marked, wanted);
  placement.edits = std::move(edits.edits);
  if (!edits.keeps_some) {
    placement.mark = wanted ? std::optional(to_selector(*wanted)) : std::nullopt;
  }
  placement.changes_mark = placement.mark != mark;
  return placement;
}

std::string to_placement_warning(const Placement& placement, std::size_t limit) {
  switch (placement.outlook) {
    case NodeOutlook::kNotKnown:
    case NodeOutlook::kClear: return {};
    case NodeOutlook::kNone:
      return "there is no node now that the pod may go to: it waits until one comes";
    case NodeOutlook::kAllBad: {
      const std::string text =
          "no node that the pod may go to can run it: " + placement.bad_names.front() + ": " +
          placement.why;
      return text.size() <= limit ? text
                                  : "no node that the pod may go to can run it: " + placement.why;
    }
    case NodeOutlook::kSomeBad: break;
  }
  if (!placement.is_unguarded) return {};
  const std::string text = "the pod may go to nodes that cannot run it (docs/nodes.md): ";
  return text + to_names(placement, limit - text.size());
}

}  // namespace webhook
