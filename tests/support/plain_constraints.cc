#include "support/plain_constraints.h"

#include <map>

namespace webhook::plainly {
namespace {

using NodeOperator = NodeRequirement::Operator;

std::vector<NodeRequirement> read_requirements(const Json& list) {
  const std::map<std::string, NodeOperator> operators = {
      {"In", NodeOperator::kIn},         {"NotIn", NodeOperator::kNotIn},
      {"Exists", NodeOperator::kExists}, {"DoesNotExist", NodeOperator::kDoesNotExist},
      {"Gt", NodeOperator::kGt},         {"Lt", NodeOperator::kLt}};
  std::vector<NodeRequirement> requirements;
  for (const Json& each : list) {
    const auto op = operators.find(text_at(each, "operator"));
    NodeRequirement requirement{.key = text_at(each, "key"),
                                .op = op == operators.end() ? NodeOperator::kOther : op->second,
                                .values = {}};
    for (const Json& value : at(each, "values")) requirement.values.push_back(value);
    requirements.push_back(requirement);
  }
  return requirements;
}

Toleration read_toleration(const Json& from) {
  const std::map<std::string, Toleration::Operator> operators = {
      {"", Toleration::Operator::kEqual},
      {"Equal", Toleration::Operator::kEqual},
      {"Exists", Toleration::Operator::kExists},
      {"Gt", Toleration::Operator::kGt},
      {"Lt", Toleration::Operator::kLt}};
  const auto op = operators.find(text_at(from, "operator"));
  const std::string effect = text_at(from, "effect");
  Toleration toleration;
  toleration.key = text_at(from, "key");
  toleration.op = op == operators.end() ? Toleration::Operator::kOther : op->second;
  toleration.value = text_at(from, "value");
  toleration.is_of_all_effects = effect.empty();
  if (effect == "NoSchedule") toleration.effect = Taint::Effect::kNoSchedule;
  if (effect == "NoExecute") toleration.effect = Taint::Effect::kNoExecute;
  return toleration;
}

bool has_others(const Json& object, const std::string& than) {
  const Json plain = without_nulls(object);
  return plain.is_object() && plain.size() > plain.count(than);
}

Json to_fields(const std::vector<NodeRequirement>& requirements) {
  Json list = Json::array();
  for (const NodeRequirement& each : requirements) {
    list.push_back({{"key", each.key}, {"op", each.op}, {"values", each.values}});
  }
  return list;
}

}  // namespace

PodConstraints read_constraints(const Json& spec) {
  const std::string required = "requiredDuringSchedulingIgnoredDuringExecution";
  PodConstraints constraints;
  constraints.node_name = text_at(spec, "nodeName");
  constraints.runtime_class = text_at(spec, "runtimeClassName");
  const Json selector = at(spec, "nodeSelector");
  for (const auto& [key, value] : selector.items()) {
    if (value.is_string()) constraints.node_selector.emplace_back(key, value);
  }
  const Json affinity = at(spec, "affinity");
  const Json node_affinity = at(affinity, "nodeAffinity");
  constraints.parents = {
      .has_affinity = !affinity.is_null(),
      .has_others_in_affinity = has_others(affinity, "nodeAffinity"),
      .has_node_affinity = !node_affinity.is_null(),
      .has_others_in_node_affinity = has_others(node_affinity, required),
      .has_required = !at(node_affinity, required).is_null(),
  };
  for (const Json& term : at(at(node_affinity, required), "nodeSelectorTerms")) {
    const Json expressions = at(term, "matchExpressions");
    constraints.terms.push_back({.expressions = read_requirements(expressions),
                                 .fields = read_requirements(at(term, "matchFields")),
                                 .has_expressions_list = !expressions.is_null()});
  }
  for (const Json& each : at(spec, "tolerations")) {
    constraints.tolerations.push_back(read_toleration(each));
  }
  return constraints;
}

Json to_fields(const PodConstraints& constraints) {
  const AffinityParents& parents = constraints.parents;
  Json terms = Json::array();
  for (const NodeSelectorTerm& term : constraints.terms) {
    terms.push_back({{"expressions", to_fields(term.expressions)},
                     {"fields", to_fields(term.fields)},
                     {"has_expressions_list", term.has_expressions_list}});
  }
  Json tolerations = Json::array();
  for (const Toleration& each : constraints.tolerations) {
    tolerations.push_back({{"key", each.key},
                           {"op", each.op},
                           {"value", each.value},
                           {"is_of_all_effects", each.is_of_all_effects},
                           {"effect", each.effect ? Json(*each.effect) : Json()}});
  }
  return {{"node_name", constraints.node_name},
          {"runtime_class", constraints.runtime_class},
          {"node_selector", constraints.node_selector},
          {"parents",
           {parents.has_affinity, parents.has_others_in_affinity, parents.has_node_affinity,
            parents.has_others_in_node_affinity, parents.has_required}},
          {"terms", terms},
          {"tolerations", tolerations},
          {"is_too_long", constraints.is_too_long}};
}

}  // namespace webhook::plainly
