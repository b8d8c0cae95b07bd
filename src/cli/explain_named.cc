#include "cli/explain_named.h"

#include <algorithm>
#include <stdexcept>

#include "base/dns_name.h"
#include "base/json_at.h"
#include "base/text.h"
#include "base/value_or_throw.h"
#include "cli/usage.h"
#include "kube/objects.h"
#include "kube/workloads.h"

namespace webhook {
namespace {

constexpr std::size_t kMaxWord = 80;

ObjectName to_object_name(const std::string& type, const std::string& name) {
  const ResourceType* found = find_resource_type(type);
  if (found == nullptr) {
    throw UsageError("explain: unknown type '" + to_printable(type, kMaxWord) + "' (expected " +
                     known_resource_types() + ')');
  }
  if (!is_dns_subdomain(name)) {
    throw UsageError("explain: '" + to_printable(name, kMaxWord) +
                     "' is no name of an object (expected a DNS name, such as my-pod)");
  }
  return {found, name};
}

/// Explains an object that exists; nothing where it holds no pod.
void explain_into(std::vector<Explained>& to, Document& object, const std::string& ns,
                  Explainer& explainer) {
  for_each_pod(object, [&](const PodPlace& place) { to.push_back(explainer.explain(place, ns)); });
}

}  // namespace

std::vector<ObjectName> parse_object_names(const std::vector<std::string>& words) {
  std::vector<ObjectName> names;
  const bool are_apart = !words.empty() && words.front().find('/') == std::string::npos;
  if (are_apart && words.size() == 1) {
    throw UsageError("explain: '" + to_printable(words.front(), kMaxWord) +
                     "' has no type (expected TYPE/NAME, such as deploy/" +
                     to_printable(words.front(), kMaxWord) + ')');
  }
  for (std::size_t i = are_apart ? 1 : 0; i < words.size(); ++i) {
    const std::size_t slash = words[i].find('/');
    if (are_apart == (slash != std::string::npos)) {
      throw UsageError("explain: '" + to_printable(words[i], kMaxWord) + "' (expected " +
                       (are_apart ? "a name: the type comes first" : "TYPE/NAME, as the others") +
                       ')');
    }
    names.push_back(are_apart
                        ? to_object_name(words.front(), words[i])
                        : to_object_name(words[i].substr(0, slash), words[i].substr(slash + 1)));
  }
  return names;
}

std::vector<Explained> explain_named(const KubeClient& client, const ObjectName& named,
                                     const std::string& ns, Explainer& explainer) {
  auto read = value_or_throw(get_object(client, object_path(*named.type, ns, named.name)));
  if (!read) {
    throw std::runtime_error(to_lower(named.type->kind) + ' ' + ns + '/' + named.name +
                             ": there is none at " + client.address() +
                             " (expected one that exists; -n says in which namespace)");
  }
  Document object = std::move(*read);
  std::vector<Explained> explained;
  explain_into(explained, object, ns, explainer);
  if (explained.empty()) {
    throw std::runtime_error(to_lower(named.type->kind) + ' ' + ns + '/' + named.name +
                             ": has no template of pods");
  }
  auto owners = value_or_throw(owners_of(client, object, ns));
  for (const Owner& owner : owners) {
    const bool is_read = !owner.object.is_null();
    explained.front().owners.push_back(to_printable(owner.kind + ' ' + owner.name, 2 * kMaxWord) +
                                       (is_read ? "" : " (not read)"));
  }
  const bool makes_pods = named.type->kind != "Pod" && named.type->kind != "PodTemplate";
  if (makes_pods) {
    std::vector<Explained> pods;
    const auto failed = for_each_pod_of(
        client, object, ns, [&](Document& pod) { explain_into(pods, pod, ns, explainer); });
    if (failed) throw std::runtime_error(failed->message);
    explained.front().pods = std::move(pods);
  }
  // What the next pod is made from.
  const auto top = std::find_if(owners.rbegin(), owners.rend(),
                                [](const Owner& owner) { return !owner.object.is_null(); });
  if (top != owners.rend()) explain_into(explained, top->object, ns, explainer);
  return explained;
}

}  // namespace webhook
