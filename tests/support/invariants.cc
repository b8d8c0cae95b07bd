#include "support/invariants.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "support/oracle.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

void set_default(Json& object, const char* key, const Json& value) {
  if (!object.contains(key) || object[key].is_null()) object[key] = value;
}

void set_container_defaults(Json& container) {
  set_default(container, "terminationMessagePath", "/dev/termination-log");
  set_default(container, "terminationMessagePolicy", "File");
  set_default(container, "imagePullPolicy", "IfNotPresent");
  set_default(container, "resources", Json::object());
  set_default(container, "volumeMounts", Json::array());
  const Json token = {{"name", "kube-api-access-x7f2q"},
                      {"readOnly", true},
                      {"mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"}};
  Json& mounts = container["volumeMounts"];
  const bool has_token = std::any_of(mounts.begin(), mounts.end(), [&](const Json& mount) {
    return mount.value("mountPath", "") == token.at("mountPath");
  });
  if (!has_token) mounts.push_back(token);
  // A mirror of an image without a digest may hold anything: it is put back.
  const std::string image = container.value("image", Json()).is_string() ? container["image"] : "";
  if (image.find('@') != std::string::npos) container["image"] = "mirror.example/" + image;
}

void set_volume_defaults(Json& volume) {
  for (const char* source : {"configMap", "secret", "downwardAPI", "projected"}) {
    if (volume.contains(source) && volume[source].is_object()) {
      set_default(volume[source], "defaultMode", 420);
    }
  }
  if (!volume.contains("downwardAPI")) return;
  for (Json& item : volume["downwardAPI"]["items"]) {
    set_default(item["fieldRef"], "apiVersion", "v1");
  }
}

void check_answer(const Reviewed& reviewed) {
  const Json answer = Json::parse(reviewed.wire);
  CHECK(answer.at("apiVersion") == "admission.k8s.io/v1");
  CHECK(answer.at("kind") == "AdmissionReview");
  const Json& response = answer.at("response");
  CHECK(response.at("uid") == reviewed.uid);
  CHECK(response.at("allowed") == (reviewed.outcome != Outcome::kDenied));
  CHECK(response.contains("status") == (reviewed.outcome == Outcome::kDenied));
  CHECK(response.contains("patch") == !reviewed.patch.empty());
  CHECK(response.contains("patchType") == !reviewed.patch.empty());
  if (!reviewed.patch.empty()) {
    CHECK(response.at("patchType") == "JSONPatch");
    CHECK(from_base64(response.at("patch").get<std::string>()) == reviewed.patch.to_json());
  }
  for (const std::string& warning : reviewed.warnings) {
    CAPTURE(warning);
    CHECK(warning.size() <= kMaxWarningLength);
    CHECK(std::all_of(warning.begin(), warning.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
  CHECK(response.dump().find("canary") == std::string::npos);
  CHECK(reviewed.patch.to_json().find("canary") == std::string::npos);
}

void check_again(Json review, const Json& pod, const Reviewed& first, const Sandbox& sandbox,
                 const ClusterState& cluster) {
  review["request"]["object"] = pod;
  const auto again = webhook::review(review.dump(), sandbox, cluster);
  REQUIRE(again);
  CHECK(again->patch.to_json() == "[]");
  if (first.outcome == Outcome::kSandboxed) {
    CHECK(to_string(again->outcome) == "unchanged");
    CHECK(to_string(again->reason) == "already_sandboxed");
  }
}

}  // namespace

PatchLog::PatchLog(const std::filesystem::path& file) {
  std::filesystem::create_directories(file.parent_path());
  file_.exceptions(std::ios::failbit | std::ios::badbit);
  file_.open(file);
}

void PatchLog::write(const std::string& name, const Policy& policy, Outcome outcome,
                     const Json& input, const Json& patch, const Json& result) {
  const Json settings = {{"containerName", policy.container_name},
                         {"appArmorProfile", policy.app_armor_profile},
                         {"profile", policy.profile.bytes},
                         {"localhostProfile", policy.localhost_profile},
                         {"delivery", policy.delivery == Delivery::kAnnotation     ? "annotation"
                                      : policy.delivery == Delivery::kPreinstalled ? "preinstalled"
                                                                                   : "configMap"},
                         {"configMapName", policy.config_map_name},
                         {"kubeletSeccompDir", policy.kubelet_seccomp_dir},
                         {"image", policy.installer_image},
                         {"requests", policy.installer_resources.requests},
                         {"limits", policy.installer_resources.limits},
                         {"seLinuxOptions", policy.installer_se_linux_options}};
  const Json line = {{"name", name},   {"policy", settings}, {"outcome", to_string(outcome)},
                     {"input", input}, {"patch", patch},     {"result", result}};
  file_ << line.dump() << '\n';
}

Json with_defaults(Json pod) {
  if (!pod.contains("spec") || !pod["spec"].is_object()) return pod;
  Json& spec = pod["spec"];
  set_default(spec, "volumes", Json::array());
  spec["volumes"].push_back({{"name", "kube-api-access-x7f2q"}, {"projected", Json::object()}});
  for (Json& volume : spec["volumes"]) set_volume_defaults(volume);
  for (const char* list : {"initContainers", "containers"}) {
    if (!spec.contains(list)) continue;
    for (Json& container : spec[list]) set_container_defaults(container);
  }
  set_default(spec, "restartPolicy", "Always");
  set_default(spec, "dnsPolicy", "ClusterFirst");
  set_default(spec, "securityContext", Json::object());
  return pod;
}

Reviewed check_review(const std::string& name, const Json& review, const Sandbox& sandbox,
                      const ClusterState& cluster, PatchLog& log) {
  CAPTURE(name);
  const std::string body = review.dump();
  const auto request = parse_review(body, sandbox);
  REQUIRE_MESSAGE(request, (request ? "" : request.error().message));
  CHECK(to_fields(*request) == to_fields(read_plainly(review, sandbox)));

  const auto reviewed = webhook::review(body, sandbox, cluster);
  REQUIRE(reviewed);
  check_answer(*reviewed);

  const Json pod = review.at("request").value("object", Json());
  const Json patch = to_operations(reviewed->patch);
  const Json result = pod.patch(patch);
  log.write(name, sandbox.policy, reviewed->outcome, pod, patch, result);
  check_again(review, result, *reviewed, sandbox, cluster);
  if (reviewed->outcome == Outcome::kSandboxed) {
    check_again(review, with_defaults(result), *reviewed, sandbox, cluster);
  }
  return *reviewed;
}

}  // namespace webhook
