#include "kube/sandbox_probe.h"

#include <nlohmann/json.hpp>

namespace webhook {
namespace {

using Json = nlohmann::json;

bool keeps_fields(const Json& answer) {
  static const Json::json_pointer kHostUsers("/template/spec/hostUsers");
  static const Json::json_pointer kProcMount(
      "/template/spec/containers/0/securityContext/procMount");
  return answer.contains(kHostUsers) && answer[kHostUsers] == false &&
         answer.contains(kProcMount) && answer[kProcMount] == "Unmasked";
}

/// With UserNamespacesSupport off alone, hostUsers is dropped and procMount is invalid without it.
/// A policy that refuses the probe names no such field.
bool refuses_proc_mount(const Json& status) {
  static const Json::json_pointer kCauses("/details/causes");
  if (!status.contains(kCauses) || !status[kCauses].is_array()) return false;
  for (const Json& cause : status[kCauses]) {
    const auto field = cause.is_object() ? cause.find("field") : cause.end();
    if (field == cause.end() || !field->is_string()) continue;
    if (field->get_ref<const std::string&>().ends_with(".procMount")) return true;
  }
  return false;
}

}  // namespace

std::string_view probe_body() {
  return R"({"apiVersion":"v1","kind":"PodTemplate",)"
         R"("metadata":{"generateName":"code-executor-webhook-probe-"},)"
         R"("template":{"metadata":{"labels":{"app.kubernetes.io/name":"probe"}},)"
         R"("spec":{"hostUsers":false,"containers":[{"name":"probe","image":"probe",)"
         R"("securityContext":{"procMount":"Unmasked"}}]}}})";
}

std::string probe_path(std::string_view ns) {
  return "/api/v1/namespaces/" + std::string(ns) + "/podtemplates?dryRun=All";
}

Result<bool> drops_sandbox(const HttpResponse& answer) {
  const std::string status = "status " + std::to_string(answer.status);
  if (answer.status == 403) {
    return Error{status +
                 " (expected a Role that allows to create podtemplates, as in "
                 "manifests/base)"};
  }
  if (answer.status != 201 && answer.status != 422) return Error{status + " (expected 201)"};
  const Json body = Json::parse(answer.body, nullptr, false);
  if (!body.is_object()) return Error{"the answer is not a JSON object"};
  if (answer.status == 201) return !keeps_fields(body);
  if (refuses_proc_mount(body)) return true;
  return Error{status + " for another reason than procMount"};
}

Result<ApiServerAnswer> ask_api_server(const KubeClient& client, KubeVersion probe_from,
                                       const std::stop_token& stop) {
  const KubeClient anew = client.anew();
  const auto body = anew.get("/version", stop);
  if (!body) return body.error();
  const auto version = parse_version_info(*body);
  if (!version) return version.error();
  ApiServerAnswer answer{.version = *version};
  if (version->version < probe_from) return answer;
  const auto probed = anew.post(probe_path(client.own_namespace()), probe_body(), stop);
  const auto drops = probed ? drops_sandbox(*probed) : Result<bool>(probed.error());
  if (drops) {
    answer.drops = *drops;
  } else {
    answer.probe_failure = drops.error().message;
  }
  return answer;
}

}  // namespace webhook
