#include "kube/workloads.h"

#include <set>
#include <utility>

#include "base/dns_name.h"
#include "base/json_at.h"
#include "kube/objects.h"

namespace webhook {
namespace {

constexpr std::size_t kMostOwners = 8;  // Kubernetes' own chains have two
constexpr const char* kNotEnded = "status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";

/// The owner reference of the controller; null without one.
Document controller_of(const Document& object) {
  static const Document::json_pointer kReferences("/metadata/ownerReferences");
  if (!object.contains(kReferences) || !object.at(kReferences).is_array()) return nullptr;
  for (const Document& each : object.at(kReferences)) {
    if (each.is_object() && each.value("controller", Document(false)) == Document(true)) {
      return each;
    }
  }
  return nullptr;
}

std::string controller_uid_of(const Document& object) {
  return string_at(controller_of(object), "/uid");
}

/// The object that a reference is to: another of its name is none.
Result<Document> read_owner(const KubeClient& client, const Document& reference,
                            const std::string& ns) {
  const auto* type =
      find_resource_type(string_at(reference, "/apiVersion"), string_at(reference, "/kind"));
  const std::string name = string_at(reference, "/name");
  // A name that would lead to another path is not followed.
  if (type == nullptr || !is_dns_subdomain(name)) return Document(nullptr);
  auto object = get_object(client, object_path(*type, ns, name));
  if (!object) return object.error();
  const bool is_it =
      object->has_value() && string_at(**object, "/metadata/uid") == string_at(reference, "/uid");
  return is_it ? std::move(**object) : Document(nullptr);
}

/// What makes the pods of `workload`, where it makes none itself.
const ResourceType* between(const Document& workload) {
  const std::string kind = string_at(workload, "/kind");
  if (kind == "Deployment") return find_resource_type("replicasets.apps");
  if (kind == "CronJob") return find_resource_type("jobs.batch");
  return nullptr;
}

}  // namespace

Result<std::vector<Owner>> owners_of(const KubeClient& client, const Document& object,
                                     const std::string& ns) {
  std::vector<Owner> owners;
  Document reference = controller_of(object);
  while (!reference.is_null() && owners.size() < kMostOwners) {
    auto owner = read_owner(client, reference, ns);
    if (!owner) return owner.error();
    Document next = controller_of(*owner);
    owners.push_back({.kind = string_at(reference, "/kind"),
                      .name = string_at(reference, "/name"),
                      .object = std::move(*owner)});
    reference = std::move(next);
  }
  return owners;
}

std::optional<Error> for_each_pod_of(const KubeClient& client, const Document& workload,
                                     const std::string& ns,
                                     const std::function<void(Document&)>& visit) {
  const std::string uid = string_at(workload, "/metadata/uid");
  std::set<std::string> controllers = {uid};
  if (const auto* type = between(workload)) {
    auto failed = for_each_object(client, {.path = list_path(*type, ns)}, [&](Document& each) {
      if (controller_uid_of(each) == uid) controllers.insert(string_at(each, "/metadata/uid"));
    });
    if (failed) return failed;
  }
  return for_each_running_pod(client, ns, [&](Document& pod) {
    const std::string controller = controller_uid_of(pod);
    if (!controller.empty() && controllers.contains(controller)) visit(pod);
  });
}

std::optional<Error> for_each_running_pod(const KubeClient& client, const std::string& ns,
                                          const std::function<void(Document&)>& visit) {
  const auto* pods = find_resource_type("pods");
  const ListQuery query{.path = list_path(*pods, ns), .field_selector = kNotEnded};
  return for_each_object(client, query, [&](Document& pod) {
    // The elements of a list do not say what they are.
    pod["apiVersion"] = "v1";
    pod["kind"] = "Pod";
    visit(pod);
  });
}

}  // namespace webhook
