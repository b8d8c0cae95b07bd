#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/policy_call.h"
#include "admission/webhook_call.h"
#include "base/kube_version.h"
#include "kube/client.h"
#include "scheduling/node_inventory.h"
#include "yaml/manifest.h"

namespace webhook {

/// Which of the two installations acts when a pod is created, as far as that is certain.
enum class Actor { kWebhook, kPolicy, kBoth, kNeither, kDepends };

/// "webhook", "policy", "both", "neither", "depends".
std::string_view to_string(Actor actor);

/// What each installation has to do with the creation of a pod.
struct Acting {
  CallVerdict webhook;
  CallVerdict policy;

  /// Those whose verdict is yes; without one it depends where one does.
  [[nodiscard]] Actor actor() const;
};

/// What decides who acts when a pod is created: the MutatingWebhookConfiguration, the
/// MutatingAdmissionPolicy with its bindings, and the labels of namespaces, of a cluster or among
/// documents; and the nodes. Each is asked for once.
class Surroundings {
 public:
  /// Of the cluster of `client`, unless it is null; it outlives this. `version` is the cluster's
  /// own, where that is known: one that has no mutating policies is not asked for them.
  /// `configuration` is the name of the MutatingWebhookConfiguration. `looks_at_nodes`: as
  /// cluster.nodeAwareness says.
  Surroundings(std::string configuration, const KubeClient* client,
               std::optional<KubeVersion> version, bool looks_at_nodes);

  /// Takes what is in `document`, or in the items of a List, before anything is asked.
  void add(const Document& document);

  /// Who acts at the creation of a pod with labels `pod` in namespace `ns`. Why, where it is not
  /// known, is in the verdicts too.
  Acting acting_on(const Labels& pod, const std::string& ns);

  /// Null where they are not looked at, or not known; why not is then on stderr.
  std::shared_ptr<const NodeSnapshot> nodes();

  /// An installation by kind and name, and since when it is there (RFC 3339 in UTC, as the object
  /// has it).
  struct Since {
    std::string what;
    std::string when;
  };
  /// Nothing where there is none, or its age is not known.
  [[nodiscard]] std::optional<Since> webhook_since() const;
  [[nodiscard]] std::optional<Since> policy_since() const;

  /// Why something could not be read: one line each.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  void read_configuration();
  void read_policy();
  void read_bindings();
  /// True if it is of our policy.
  bool add_binding(const Document& document);
  const Labels& labels_of_namespace(const std::string& ns);

  const std::string name_;
  const KubeClient* client_;
  const std::optional<KubeVersion> version_;
  std::optional<WebhookConfiguration> configuration_;
  CallVerdict without_configuration_;
  std::optional<AdmissionPolicy> policy_;
  std::vector<AdmissionPolicyBinding> bindings_;
  std::optional<CallVerdict> without_policy_;  ///< Or without its bindings.
  std::map<std::string, Labels> namespaces_;
  std::vector<std::string> problems_;
  NodeInventory inventory_;  ///< Of documents.
  std::shared_ptr<const NodeSnapshot> nodes_;
  const bool looks_at_nodes_;
  bool is_configuration_read_ = false;  ///< Or why there is none.
  bool is_policy_read_ = false;
  bool are_bindings_read_ = false;
  bool are_nodes_known_ = false;
};

}  // namespace webhook
