#include "cli/explained.h"

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include "admission/placement.h"
#include "base/json_at.h"
#include "base/text.h"
#include "cel/policies.h"
#include "scheduling/node_snapshot.h"

namespace webhook {
namespace {

constexpr std::size_t kMaxTime = 64;  // of a timestamp that is none
constexpr std::size_t kMaxName = 253;

/// The review that the API server would send for the pod, or the template, at `place`.
Document to_review(const PodPlace& place, const std::string& ns) {
  const Document& source = place.object->at(place.template_at);
  Document pod = {{"apiVersion", "v1"}, {"kind", "Pod"}};
  for (const char* member : {"metadata", "spec"}) {
    if (source.contains(member)) pod[member] = source[member];
  }
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "explain"},
            {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
            {"operation", "CREATE"},
            {"namespace", ns},
            {"object", std::move(pod)}}}};
}

/// Of a pod that exists a scheduler wrote it: another pod like it may go elsewhere.
void forget_node(Document& review) {
  Document& pod = review["request"]["object"];
  if (pod.contains("spec") && pod["spec"].is_object()) pod["spec"].erase("nodeName");
}

/// Why a pod of `runtime_class` with the sandbox does not run on `node`, as far as that is known;
/// else empty.
std::string why_bad_node(const NodeSnapshot* nodes, const std::string& node,
                         const std::string& runtime_class) {
  const auto found = nodes == nullptr ? std::nullopt : nodes->find(node);
  if (!found) return {};
  const NodeSnapshot::View& view = nodes->view_for(runtime_class);
  return view.bad.contains(*found) ? std::string(nodes->why(view, *found)) : std::string();
}

std::string name_of(const Explained& explained) {
  return to_printable(explained.kind + ' ' + explained.ns + '/' + explained.name, 2 * kMaxName);
}

void print_line(std::string_view label, std::string_view text, Colour colour = Colour::kNone) {
  constexpr std::size_t kWidth = 12;
  std::cout << "  " << label << std::string(kWidth - label.size(), ' ') << coloured(text, colour)
            << '\n';
}

void print_lines(std::string_view label, const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) print_line(i == 0 ? label : "", lines[i]);
}

Colour colour_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSandboxed: return Colour::kGreen;
    case Outcome::kUnchanged: return Colour::kNone;
    case Outcome::kPrivileged:
    case Outcome::kDenied: break;
  }
  return Colour::kRed;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

/// Pods of a workload, indented, one a line.
void print_pods(const std::vector<Explained>& pods) {
  print_line("pods", std::to_string(pods.size()) + " running or about to");
  for (const Explained& pod : pods) {
    const std::string_view state = pod.has_target ? to_string(*pod.state) : "no_target_container";
    std::cout << "    " << to_printable(pod.name, kMaxName) << ": "
              << coloured(state, pod.has_target ? colour_of(*pod.state) : Colour::kNone)
              << (pod.node.empty() ? "" : " on " + to_printable(pod.node, kMaxName))
              << (pod.note.empty() ? "" : " (" + pod.note + ')') << '\n';
  }
}

/// Why a pod that exists may be as neither installation would have left it; empty where that is not
/// known.
std::string to_age(const Explained& pod, const Surroundings& surroundings) {
  const bool is_policys = pod.acting.actor() == Actor::kPolicy;
  auto since = surroundings.policy_since();
  // Where the webhook does not act on the pod, its age says nothing.
  if (auto webhook = surroundings.webhook_since(); webhook && !is_policys) {
    if (!since || webhook->when < since->when) since = std::move(webhook);
  }
  if (!since) return {};
  if (pod.created < since->when) {
    return "older than " + since->what + ", of " + to_printable(since->when, kMaxTime);
  }
  return is_policys && *pod.state == PodState::kMissed
             ? "the policy did not act: feature or admission plugin MutatingAdmissionPolicy may be "
               "off, or its configuration another"
             : "";
}

/// The policies that come with the mutating one refuse pods, too, and are not looked at.
void add_other_policies(Explained& explained) {
  const Decision& decision = explained.explanation.decision;
  std::vector<std::string>& why = explained.acting.policy.why;
  if (explained.acting.policy.called != Called::kYes || !explained.has_target) return;
  if (decision.outcome == Outcome::kDenied && explained.acting.actor() == Actor::kPolicy) {
    why.emplace_back(
        "what refuses the pod is code-executor-webhook-denials, which is not looked at here");
  }
  const bool stays_as_asked =
      decision.outcome == Outcome::kPrivileged ||
      (decision.outcome == Outcome::kUnchanged && decision.reason != Reason::kAlreadySandboxed &&
       decision.reason != Reason::kOptedOut);
  if (stays_as_asked) {
    why.emplace_back(
        "code-executor-webhook-final-state, which comes with the policy and is not looked at here, "
        "may refuse the pod");
  }
}

/// Sets state and note of a pod that exists and has been judged, with what is known of its node.
void look_at_pod(Explained& explained, const AdmissionRequest& request, const NodeSnapshot* nodes,
                 const Surroundings& surroundings) {
  const std::string why_bad =
      why_bad_node(nodes, explained.node, request.pod.constraints.runtime_class);
  explained.state = to_pod_state(request, explained.explanation.decision, !why_bad.empty());
  if (*explained.state == PodState::kOnBadNode) {
    explained.note = "its node cannot run the sandbox: " + to_printable(why_bad, kMaxName);
  } else if (*explained.state != PodState::kSandboxed) {
    explained.note = to_age(explained, surroundings);
  }
}

}  // namespace

Explained Explainer::explain(const PodPlace& place, const std::string& ns) {
  Explained explained{.kind = place.kind,
                      .ns = place.ns.empty() ? ns : place.ns,
                      .name = place.name,
                      .state = {},
                      .explanation = {},
                      .acting = {},
                      .created = {},
                      .node = {},
                      .note = {}};
  // What has none is a manifest.
  const bool exists = !string_at(*place.object, "/metadata/uid").empty();
  Document review = to_review(place, explained.ns);
  if (exists && explained.kind == "Pod") forget_node(review);
  auto request = parse_review(parser_, review.dump(), *sandbox_);
  if (!request) throw std::runtime_error(name_of(explained) + ": " + request.error().message);
  explained.has_target = request->pod.target.has_value();
  explained.acting =
      surroundings_.acting_on(labels_of(place.object->at(place.template_at)), explained.ns);
  const std::shared_ptr<const NodeSnapshot> nodes =
      explained.has_target ? surroundings_.nodes() : nullptr;
  explained.explanation = explain_as(explained.acting.actor(), *request, nodes);
  add_other_policies(explained);
  if (!exists) return explained;
  explained.created =
      to_printable(string_at(*place.object, "/metadata/creationTimestamp"), kMaxTime);
  if (explained.kind != "Pod") return explained;
  explained.node = string_at(*place.object, "/spec/nodeName");
  look_at_pod(explained, *request, nodes.get(), surroundings_);
  return explained;
}

Explanation Explainer::explain_as(Actor actor, AdmissionRequest& request,
                                  const std::shared_ptr<const NodeSnapshot>& nodes) const {
  // A policy sees no nodes, and acts where its version is served.
  const ClusterState policys{.version = std::max(cluster_.version, kOldestPolicyVersion)};
  const Policy& policy = sandbox_->policy;
  if (actor == Actor::kPolicy) return webhook::explain(request, policy, policys);
  const bool comes_sandboxed =
      actor == Actor::kBoth && decide(request, policy, policys).outcome == Outcome::kSandboxed;
  ClusterState cluster = cluster_;
  cluster.nodes = nodes;
  if (PodFacts& pod = request.pod; pod.target) {
    pod.placement = to_placement(pod.constraints, pod.affinity_annotation, nodes.get());
  }
  if (comes_sandboxed) {
    // The webhook does not let what the policy has sandboxed become less: it refuses it.
    AdmissionRequest sandboxed = request;
    sandboxed.pod.context.kind = ContextKind::kOurs;
    sandboxed.pod.host_users = false;
    if (decide(sandboxed, policy, cluster).outcome == Outcome::kDenied) {
      return webhook::explain(sandboxed, policy, cluster);
    }
  }
  return webhook::explain(request, policy, cluster);
}

Colour colour_of(PodState state) {
  switch (state) {
    case PodState::kSandboxed: return Colour::kGreen;
    case PodState::kUnchanged: return Colour::kNone;
    case PodState::kStaleProfile: return Colour::kYellow;
    case PodState::kWithoutUserNamespace:
    case PodState::kOnBadNode:
    case PodState::kPrivileged:
    case PodState::kMissed: break;
  }
  return Colour::kRed;
}

void print(const Explained& explained) {
  const Explanation& explanation = explained.explanation;
  const Decision& decision = explanation.decision;
  std::cout << name_of(explained) << '\n';
  if (explained.state) {
    print_line("state", to_string(*explained.state), colour_of(*explained.state));
    print_line(
        "created",
        explained.created +
            (explained.node.empty() ? "" : ", on node " + to_printable(explained.node, kMaxName)) +
            (explained.note.empty() ? "" : ", " + explained.note));
  }
  if (!explained.owners.empty()) print_line("owners", join(explained.owners));
  print_line(explained.state ? "as it is" : "decision",
             std::string(to_string(decision.outcome)) + ", " +
                 std::string(to_string(decision.reason)) + " (row " + std::to_string(decision.row) +
                 ')',
             colour_of(decision.outcome));
  print_line("why", explanation.why);
  print_lines("to sandbox", explanation.to_sandbox);
  print_lines("warning", explanation.warnings);
  const Acting& acting = explained.acting;
  print_line("acts",
             acting.actor() == Actor::kBoth ? "both, the policy first" : to_string(acting.actor()));
  print_line("called", to_string(acting.webhook.called));
  print_lines("", acting.webhook.why);
  print_line("policy", to_string(acting.policy.called));
  print_lines("", acting.policy.why);
  if (explained.pods) print_pods(*explained.pods);
}

Document to_json(const Explained& explained) {
  const Explanation& explanation = explained.explanation;
  Document json = {{"kind", explained.kind},
                   {"namespace", explained.ns},
                   {"name", explained.name},
                   {"outcome", to_string(explanation.decision.outcome)},
                   {"reason", to_string(explanation.decision.reason)},
                   {"row", explanation.decision.row},
                   {"why", explanation.why},
                   {"toSandbox", explanation.to_sandbox},
                   {"warnings", explanation.warnings},
                   {"acts", to_string(explained.acting.actor())},
                   {"called", to_string(explained.acting.webhook.called)},
                   {"calledWhy", explained.acting.webhook.why},
                   {"policy", to_string(explained.acting.policy.called)},
                   {"policyWhy", explained.acting.policy.why}};
  if (explained.state) json["state"] = to_string(*explained.state);
  for (const auto& [key, value] :
       {std::pair{"created", &explained.created}, std::pair{"node", &explained.node},
        std::pair{"note", &explained.note}}) {
    if (!value->empty()) json[key] = *value;
  }
  if (!explained.owners.empty()) json["owners"] = explained.owners;
  if (explained.pods) {
    json["pods"] = Document::array();
    for (const Explained& pod : *explained.pods) json["pods"].push_back(to_json(pod));
  }
  return json;
}

}  // namespace webhook
