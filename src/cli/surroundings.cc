#include "cli/surroundings.h"

#include <stdexcept>
#include <utility>

#include "base/dns_name.h"
#include "base/json_at.h"
#include "cli/nodes.h"
#include "kube/objects.h"

namespace webhook {
namespace {

constexpr const char* kConfigurations =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/";

}  // namespace

Surroundings::Surroundings(std::string configuration, const KubeClient* client, bool looks_at_nodes)
    : name_(std::move(configuration)), client_(client), looks_at_nodes_(looks_at_nodes) {}

void Surroundings::add(const Document& document) {
  const std::string kind = string_at(document, "/kind");
  if (kind.ends_with("List") && document.contains("items")) {
    for (const Document& item : document["items"]) add(item);
  } else if (kind == "Namespace") {
    namespaces_[string_at(document, "/metadata/name")] = labels_of(document);
  } else if (kind == "Node" || kind == "RuntimeClass") {
    put_node(document, inventory_);
  } else if (kind == "MutatingWebhookConfiguration" &&
             string_at(document, "/metadata/name") == name_) {
    auto configuration = parse_webhook_configuration(document);
    if (!configuration) throw std::runtime_error(configuration.error().message);
    configuration_ = std::move(*configuration);
    created_ = configuration_->created;
    is_read_ = true;
  }
}

void Surroundings::read_configuration() {
  if (std::exchange(is_read_, true)) return;
  const std::string what = "MutatingWebhookConfiguration " + name_;
  if (client_ == nullptr) {
    without_ = {Called::kDepends, {what + " is not known (--kubeconfig asks a cluster for it)"}};
    return;
  }
  const auto object = get_object(*client_, kConfigurations + name_);
  if (!object) {
    problems_.push_back(object.error().message);
    without_ = {Called::kDepends, {what + " cannot be read"}};
    return;
  }
  if (!object->has_value()) {
    without_ = {Called::kNo, {"there is no " + what + ": the webhook is not installed"}};
    return;
  }
  auto configuration = parse_webhook_configuration(**object);
  if (!configuration) throw std::runtime_error(configuration.error().message);
  configuration_ = std::move(*configuration);
  created_ = configuration_->created;
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

CallVerdict Surroundings::call_for(const Labels& pod, const std::string& ns) {
  read_configuration();
  if (!configuration_) return without_;
  return would_be_called(*configuration_, pod, labels_of_namespace(ns));
}

}  // namespace webhook
