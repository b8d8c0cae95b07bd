#include "cli/surroundings.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/dns_name.h"
#include "base/json_at.h"
#include "cel/policies.h"
#include "cli/nodes.h"
#include "kube/objects.h"

namespace webhook {
namespace {

constexpr const char* kApi = "/apis/admissionregistration.k8s.io/v1/";
constexpr const char* kPolicy = "MutatingAdmissionPolicy";
constexpr const char* kBinding = "MutatingAdmissionPolicyBinding";

template <class T>
T parsed_or_throw(Result<T> parsed) {
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return std::move(*parsed);
}

}  // namespace

std::string_view to_string(Actor actor) {
  switch (actor) {
    case Actor::kWebhook: return "webhook";
    case Actor::kPolicy: return "policy";
    case Actor::kBoth: return "both";
    case Actor::kNeither: return "neither";
    case Actor::kDepends: break;
  }
  return "depends";
}

Actor Acting::actor() const {
  const bool by_webhook = webhook.called == Called::kYes;
  const bool by_policy = policy.called == Called::kYes;
  if (by_webhook && by_policy) return Actor::kBoth;
  if (by_webhook) return Actor::kWebhook;
  if (by_policy) return Actor::kPolicy;
  const bool does_neither = webhook.called == Called::kNo && policy.called == Called::kNo;
  return does_neither ? Actor::kNeither : Actor::kDepends;
}

Surroundings::Surroundings(std::string configuration, const KubeClient* client,
                           std::optional<KubeVersion> version, bool looks_at_nodes)
    : name_(std::move(configuration)),
      client_(client),
      version_(version),
      looks_at_nodes_(looks_at_nodes) {}

void Surroundings::add(const Document& document) {
  const std::string kind = string_at(document, "/kind");
  const std::string name = string_at(document, "/metadata/name");
  if (kind.ends_with("List") && document.contains("items")) {
    for (const Document& item : document["items"]) add(item);
  } else if (kind == "Namespace") {
    namespaces_[name] = labels_of(document);
  } else if (kind == "Node" || kind == "RuntimeClass") {
    put_node(document, inventory_);
  } else if (kind == "MutatingWebhookConfiguration" && name == name_) {
    configuration_ = parsed_or_throw(parse_webhook_configuration(document));
    is_configuration_read_ = true;
  } else if (kind == kPolicy && name == kPolicyName) {
    policy_ = parsed_or_throw(parse_admission_policy(document));
    is_policy_read_ = true;
  } else if (kind == kBinding) {
    // Of others' only, with a cluster to ask, those of ours are not known yet.
    are_bindings_read_ = add_binding(document) || client_ == nullptr || are_bindings_read_;
  }
}

void Surroundings::read_configuration() {
  if (std::exchange(is_configuration_read_, true)) return;
  const std::string what = "MutatingWebhookConfiguration " + name_;
  if (client_ == nullptr) {
    without_configuration_ = {Called::kDepends,
                              {what + " is not known (--kubeconfig asks a cluster for it)"}};
    return;
  }
  const auto object = get_object(*client_, kApi + ("mutatingwebhookconfigurations/" + name_));
  if (!object) {
    problems_.push_back(object.error().message);
    without_configuration_ = {Called::kDepends, {what + " cannot be read"}};
    return;
  }
  if (!object->has_value()) {
    without_configuration_ = {Called::kNo,
                              {"there is no " + what + ": the webhook is not installed"}};
    return;
  }
  configuration_ = parsed_or_throw(parse_webhook_configuration(**object));
}

void Surroundings::read_policy() {
  if (std::exchange(is_policy_read_, true)) return;
  const std::string what = std::string(kPolicy) + ' ' + kPolicyName;
  if (version_ && *version_ < kOldestPolicyVersion) {
    without_policy_ = {Called::kNo,
                       {"Kubernetes " + to_string(*version_) + " serves no " + kPolicy +
                        " of v1 (" + to_string(kOldestPolicyVersion) + " and later do)"}};
    return;
  }
  if (client_ == nullptr) {
    without_policy_ = {Called::kDepends,
                       {what + " is not known (--kubeconfig asks a cluster for it)"}};
    return;
  }
  const auto object =
      get_object(*client_, kApi + std::string("mutatingadmissionpolicies/") + kPolicyName);
  if (!object) {
    problems_.push_back(object.error().message);
    without_policy_ = {Called::kDepends, {what + " cannot be read"}};
    return;
  }
  if (!object->has_value()) {
    without_policy_ = {Called::kNo, {"there is no " + what + ": the policy is not installed"}};
    return;
  }
  policy_ = parsed_or_throw(parse_admission_policy(**object));
}

void Surroundings::read_bindings() {
  if (!policy_ || std::exchange(are_bindings_read_, true)) return;
  if (client_ == nullptr) {
    without_policy_ = {Called::kDepends,
                       {std::string(kBinding) + " of " + policy_->name +
                        " is not known (--kubeconfig asks a cluster for it)"}};
    return;
  }
  const auto failed =
      for_each_object(*client_, {.path = kApi + std::string("mutatingadmissionpolicybindings")},
                      [this](Document& each) { add_binding(each); });
  if (!failed) return;
  problems_.push_back(failed->message);
  without_policy_ = {Called::kDepends,
                     {std::string(kBinding) + " of " + policy_->name + " cannot be read"}};
}

bool Surroundings::add_binding(const Document& document) {
  if (string_at(document, "/spec/policyName") != kPolicyName) return false;
  bindings_.push_back(parsed_or_throw(parse_admission_policy_binding(document)));
  return true;
}

const Labels& Surroundings::labels_of_namespace(const std::string& ns) {
  const auto known = namespaces_.find(ns);
  if (known != namespaces_.end()) return known->second;
  // Which the API server sees to.
  Labels labels{.values = {{"kubernetes.io/metadata.name", ns}}, .are_all = false};
  // A name that would lead to another path is not followed.
  if (client_ != nullptr && is_dns_label(ns)) {
    const auto object = get_object(*client_, "/api/v1/namespaces/" + ns);
    if (!object) {
      problems_.push_back(object.error().message);
    } else if (object->has_value()) {
      labels = labels_of(**object);
    }
  }
  return namespaces_[ns] = std::move(labels);
}

std::shared_ptr<const NodeSnapshot> Surroundings::nodes() {
  if (!looks_at_nodes_ || std::exchange(are_nodes_known_, true)) return nodes_;
  if (inventory_.size() > 0) {
    nodes_ = inventory_.snapshot();
  } else if (client_ != nullptr) {
    nodes_ = list_nodes(*client_);
  }
  return nodes_;
}

Acting Surroundings::acting_on(const Labels& pod, const std::string& ns) {
  read_configuration();
  read_policy();
  read_bindings();
  Acting acting{.webhook = without_configuration_, .policy = {}};
  if (configuration_) {
    acting.webhook = would_be_called(*configuration_, pod, labels_of_namespace(ns));
  }
  acting.policy = without_policy_
                      ? *without_policy_
                      : would_be_evaluated(*policy_, bindings_, pod, labels_of_namespace(ns));
  return acting;
}

std::optional<Surroundings::Since> Surroundings::webhook_since() const {
  if (!configuration_ || configuration_->created.empty()) return std::nullopt;
  return Since{"MutatingWebhookConfiguration " + name_, configuration_->created};
}

std::optional<Surroundings::Since> Surroundings::policy_since() const {
  std::optional<Since> first;
  if (!policy_) return first;
  for (const AdmissionPolicyBinding& binding : bindings_) {
    // It acts from when both are there. All are in UTC, without fractions: they compare as text.
    const std::string& when = std::max(binding.created, policy_->created);
    if (when.empty() || (first && first->when <= when)) continue;
    first = Since{std::string(kBinding) + ' ' + binding.name, when};
  }
  return first;
}

}  // namespace webhook
