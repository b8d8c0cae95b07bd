#include "scheduling/pod_constraints.h"

#include <array>

#include "base/json_reader.h"

namespace webhook {
namespace {

template <class Operator, std::size_t size>
Operator find_operator(const std::array<std::pair<std::string_view, Operator>, size>& words,
                       std::string_view word) {
  for (const auto& [known, op] : words) {
    if (known == word) return op;
  }
  return Operator::kOther;
}

NodeRequirement::Operator to_node_operator(std::string_view word) {
  using enum NodeRequirement::Operator;
  constexpr std::array<std::pair<std::string_view, NodeRequirement::Operator>, 6> kWords{
      {{"In", kIn},
       {"NotIn", kNotIn},
       {"Exists", kExists},
       {"DoesNotExist", kDoesNotExist},
       {"Gt", kGt},
       {"Lt", kLt}}};
  return find_operator(kWords, word);
}

Toleration::Operator to_toleration_operator(std::string_view word) {
  using enum Toleration::Operator;
  constexpr std::array<std::pair<std::string_view, Toleration::Operator>, 5> kWords{
      {{"", kEqual}, {"Equal", kEqual}, {"Exists", kExists}, {"Gt", kGt}, {"Lt", kLt}}};
  return find_operator(kWords, word);
}

/// Reads the parts of one pod, as many as are taken.
class ConstraintsReader {
 public:
  void read(const JsonValue& spec) {
    constraints_.node_name = text_of(spec.field("nodeName"));
    constraints_.runtime_class = text_of(spec.field("runtimeClassName"));
    const JsonValue selector = spec.field("nodeSelector");
    selector.for_each_member([this](std::string_view key, const JsonValue& value) {
      if (may_take()) constraints_.node_selector.emplace_back(bounded(key), text_of(value));
    });
    read_affinity(spec.field("affinity"));
    const JsonValue tolerations = spec.field("tolerations");
    tolerations.for_each([this](const JsonValue& toleration, std::size_t) {
      if (may_take()) constraints_.tolerations.push_back(to_toleration(toleration));
    });
  }

  [[nodiscard]] PodConstraints take() { return std::move(constraints_); }

 private:
  bool may_take() {
    if (taken_ == kMostConstraints) constraints_.is_too_long = true;
    if (taken_ < kMostConstraints) ++taken_;
    return !constraints_.is_too_long;
  }

  template <class Operator>
  Operator counted(Operator op) {
    if (op == Operator::kGt || op == Operator::kLt) ++comparisons_;
    if (comparisons_ > kMostComparisons) constraints_.is_too_long = true;
    return op;
  }

  std::string bounded(std::string_view text) {
    if (text.size() <= kMostConstraintText) return std::string(text);
    constraints_.is_too_long = true;
    return {};
  }

  std::string text_of(const JsonValue& value) { return bounded(value.string()); }

  static bool has_others(const JsonValue& object, std::string_view than) {
    bool others = false;
    object.for_each_member(
        [&](std::string_view key, const JsonValue&) { others = key != than || others; });
    return others;
  }

  void read_affinity(const JsonValue& affinity) {
    constexpr const char* kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
    if (!affinity.is_present()) return;
    const JsonValue node_affinity = affinity.field("nodeAffinity");
    const JsonValue required = node_affinity.field(kRequired);
    constraints_.parents = {
        .has_affinity = true,
        .has_others_in_affinity = has_others(affinity, "nodeAffinity"),
        .has_node_affinity = node_affinity.is_present(),
        .has_others_in_node_affinity = has_others(node_affinity, kRequired),
        .has_required = required.is_present(),
    };
    const JsonValue terms = required.field("nodeSelectorTerms");
    terms.for_each([this](const JsonValue& term, std::size_t) {
      if (may_take()) constraints_.terms.push_back(to_term(term));
    });
  }

  NodeSelectorTerm to_term(const JsonValue& term) {
    const JsonValue expressions = term.field("matchExpressions");
    return {.expressions = to_requirements(expressions),
            .fields = to_requirements(term.field("matchFields")),
            .has_expressions_list = expressions.is_present()};
  }

  std::vector<NodeRequirement> to_requirements(const JsonValue& list) {
    std::vector<NodeRequirement> requirements;
    list.for_each([&](const JsonValue& each, std::size_t) {
      if (!may_take()) return;
      NodeRequirement& requirement = requirements.emplace_back();
      requirement.key = text_of(each.field("key"));
      requirement.op = counted(to_node_operator(each.field("operator").string()));
      const JsonValue values = each.field("values");
      values.for_each([&](const JsonValue& value, std::size_t) {
        if (may_take()) requirement.values.push_back(text_of(value));
      });
    });
    return requirements;
  }

  Toleration to_toleration(const JsonValue& from) {
    Toleration toleration{.key = text_of(from.field("key")),
                          .op = counted(to_toleration_operator(from.field("operator").string())),
                          .value = text_of(from.field("value")),
                          .is_of_all_effects = false,
                          .effect = std::nullopt};
    const std::string_view effect = from.field("effect").string();
    toleration.is_of_all_effects = effect.empty();
    if (effect == "NoSchedule") toleration.effect = Taint::Effect::kNoSchedule;
    if (effect == "NoExecute") toleration.effect = Taint::Effect::kNoExecute;
    return toleration;
  }

  PodConstraints constraints_;
  std::size_t taken_ = 0;
  std::size_t comparisons_ = 0;
};

}  // namespace

PodConstraints read_pod_constraints(const JsonValue& spec) {
  ConstraintsReader reader;
  reader.read(spec);
  return reader.take();
}

}  // namespace webhook
