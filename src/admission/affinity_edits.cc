#include "admission/affinity_edits.h"

#include <algorithm>
#include <cstddef>

#include "base/json_text.h"
#include "scheduling/avoidance.h"

namespace webhook {
namespace {

using Operation = AffinityEdit::Operation;

constexpr const char* kAffinity = "/spec/affinity";
constexpr const char* kNodeAffinity = "/spec/affinity/nodeAffinity";
constexpr const char* kRequired =
    "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";

std::string to_json(const NodeRequirement& avoidance) {
  std::string text = R"({"key":)";
  append_json_string(text, avoidance.key);
  text += R"(,"operator":"NotIn","values":)";
  char separator = '[';
  for (const std::string& value : avoidance.values) {
    text += separator;
    append_json_string(text, value);
    separator = ',';
  }
  return text + "]}";
}

/// A first term, with all that is missing around it.
AffinityEdit to_first_term(const AffinityParents& parents, const std::string& json) {
  const std::string required = R"({"nodeSelectorTerms":[{"matchExpressions":[)" + json + "]}]}";
  if (parents.has_node_affinity) return {Operation::kAdd, kRequired, required};
  const std::string node_affinity =
      R"({"requiredDuringSchedulingIgnoredDuringExecution":)" + required + '}';
  if (parents.has_affinity) return {Operation::kAdd, kNodeAffinity, node_affinity};
  return {Operation::kAdd, kAffinity, R"({"nodeAffinity":)" + node_affinity + '}'};
}

/// Takes out the only term, and what was around it only for it.
AffinityEdit without_only_term(const AffinityParents& parents) {
  const char* pointer = parents.has_others_in_node_affinity ? kRequired
                        : parents.has_others_in_affinity    ? kNodeAffinity
                                                            : kAffinity;
  return {Operation::kRemove, pointer, {}};
}

/// Collects the edits of one pod.
class Editor {
 public:
  Editor(const PodConstraints& pod, std::string_view mark,
         const std::optional<NodeRequirement>& wanted)
      : pod_(pod), mark_(mark), wanted_(wanted), json_(wanted ? to_json(*wanted) : "") {}

  AffinityEdits edit() {
    if (!pod_.parents.has_required) {
      if (wanted_) result_.edits.push_back(to_first_term(pod_.parents, json_));
      return std::move(result_);
    }
    for (std::size_t i = 0; i < pod_.terms.size(); ++i) {
      if (!pod_.terms[i].is_empty()) edit_term(i);
    }
    return std::move(result_);
  }

 private:
  void edit_term(std::size_t index) {
    const std::vector<NodeRequirement>& expressions = pod_.terms[index].expressions;
    std::vector<std::size_t> stale;
    bool has_wanted = false;
    for (std::size_t i = 0; i < expressions.size(); ++i) {
      if (wanted_ && expressions[i] == *wanted_) {
        has_wanted = true;
      } else if (is_of_mark(expressions[i], mark_)) {
        stale.push_back(i);
      }
    }
    const std::string list = std::string(kRequired) + "/nodeSelectorTerms/" +
                             std::to_string(index) + "/matchExpressions";
    if (wanted_ && !has_wanted) {
      put_wanted(list, pod_.terms[index].has_expressions_list, stale);
    } else if (!wanted_ && !stale.empty() && stale.size() == expressions.size() &&
               pod_.terms[index].fields.empty()) {
      return take_whole_term();
    }
    for (auto each = stale.rbegin(); each != stale.rend(); ++each) {
      result_.edits.push_back({Operation::kRemove, list + '/' + std::to_string(*each), {}});
    }
  }

  /// In the place of the first stale one, or after all others.
  void put_wanted(const std::string& list, bool has_list, std::vector<std::size_t>& stale) {
    if (!stale.empty()) {
      result_.edits.push_back(
          {Operation::kReplace, list + '/' + std::to_string(stale.front()), json_});
      stale.erase(stale.begin());
    } else if (has_list) {
      result_.edits.push_back({Operation::kAdd, list + "/-", json_});
    } else {
      result_.edits.push_back({Operation::kAdd, list, '[' + json_ + ']'});
    }
  }

  /// Of a term with nothing but ours: without it, it would be empty, and match nothing at all.
  /// Where others have added terms beside it, it stays.
  void take_whole_term() {
    if (pod_.terms.size() == 1) {
      result_.edits.push_back(without_only_term(pod_.parents));
    } else {
      result_.keeps_some = true;
    }
  }

  const PodConstraints& pod_;
  std::string_view mark_;
  const std::optional<NodeRequirement>& wanted_;
  std::string json_;
  AffinityEdits result_;
};

}  // namespace

bool is_of_mark(const NodeRequirement& requirement, std::string_view mark) {
  return !mark.empty() && can_be_avoidance(requirement) && to_selector(requirement) == mark;
}

bool can_be_avoiding(const PodConstraints& pod) {
  const auto terms = static_cast<std::size_t>(std::count_if(
      pod.terms.begin(), pod.terms.end(), [](const auto& term) { return !term.is_empty(); }));
  return terms <= kMostTerms && (terms > 0 || !pod.parents.has_required);
}

AffinityEdits to_affinity_edits(const PodConstraints& pod, std::string_view mark,
                                const std::optional<NodeRequirement>& wanted) {
  return Editor(pod, mark, wanted).edit();
}

}  // namespace webhook
