#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admission/webhook_call.h"
#include "kube/client.h"
#include "scheduling/node_inventory.h"
#include "yaml/manifest.h"

namespace webhook {

/// What decides whether the webhook is called for a pod: the MutatingWebhookConfiguration and the
/// labels of namespaces, of a cluster or among documents; and the nodes. Each is asked for once.
class Surroundings {
 public:
  /// Of the cluster of `client`, unless it is null; it outlives this. `configuration` is the name
  /// of the MutatingWebhookConfiguration. `looks_at_nodes`: as cluster.nodeAwareness says.
  Surroundings(std::string configuration, const KubeClient* client, bool looks_at_nodes);

  /// Takes what is in `document`, or in the items of a List, before anything is asked.
  void add(const Document& document);

  /// Whether the webhook is called for the creation of a pod with labels `pod` in namespace `ns`.
  /// Why, where it is not known, is in the verdict too.
  CallVerdict call_for(const Labels& pod, const std::string& ns);

  /// Null where they are not looked at, or not known; why not is then on stderr.
  std::shared_ptr<const NodeSnapshot> nodes();

  /// RFC 3339 in UTC; empty where it is not known.
  [[nodiscard]] const std::string& created() const { return created_; }

  [[nodiscard]] const std::string& configuration_name() const { return name_; }

  /// Why something could not be read: one line each.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  void read_configuration();
  const Labels& labels_of_namespace(const std::string& ns);

  const std::string name_;
  const KubeClient* client_;
  bool is_read_ = false;  ///< The configuration, or why there is none.
  std::optional<WebhookConfiguration> configuration_;
  CallVerdict without_;  ///< Where there is none.
  std::string created_;
  std::map<std::string, Labels> namespaces_;
  std::vector<std::string> problems_;
  const bool looks_at_nodes_;
  NodeInventory inventory_;  ///< Of documents.
  bool are_nodes_known_ = false;
  std::shared_ptr<const NodeSnapshot> nodes_;
};

}  // namespace webhook
