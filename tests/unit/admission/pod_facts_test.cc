#include "admission/pod_facts.h"

#include <doctest/doctest.h>

#include "base/json_reader.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

const Sandbox& sandbox() {
  static const Sandbox kSandbox = make_sandbox(small_policy());
  return kSandbox;
}

PodFacts facts_of(const Json& pod) {
  const std::string body = pod.dump();
  JsonParser parser;
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  PodFacts facts = read_pod_facts(root, sandbox());
  REQUIRE_FALSE(document.error());
  return facts;
}

PodFacts facts_with(const char* pointer, const Json& value) {
  Json pod = plain_pod();
  pod[Pointer(pointer)] = value;
  return facts_of(pod);
}

/// `fragment` with `value` at `pointer`.
Json altered(Json fragment, const char* pointer, const Json& value) {
  fragment[Pointer(pointer)] = value;
  return fragment;
}

TEST_CASE("an empty pod has no facts") {
  for (const char* text : {"{}", R"({"metadata":null,"spec":null})"}) {
    CAPTURE(text);
    const PodFacts facts = facts_of(Json::parse(text));
    CHECK_FALSE(facts.target);
    CHECK_FALSE(facts.has_metadata);
    CHECK_FALSE(facts.has_annotations);
    CHECK_FALSE(facts.has_volumes);
    CHECK_FALSE(facts.has_init_containers);
    CHECK_FALSE(facts.host_users);
  }
}

TEST_CASE("a parent that is null counts as absent, one that is empty as present") {
  struct Row {
    const char* pointer;
    bool PodFacts::*has;
    Json empty;
  };
  for (const Row& row : {
           Row{"/metadata", &PodFacts::has_metadata, Json::object()},
           Row{"/metadata/annotations", &PodFacts::has_annotations, Json::object()},
           Row{"/spec/volumes", &PodFacts::has_volumes, Json::array()},
           Row{"/spec/initContainers", &PodFacts::has_init_containers, Json::array()},
       }) {
    CAPTURE(row.pointer);
    CHECK_FALSE(facts_with(row.pointer, nullptr).*row.has);
    CHECK(facts_with(row.pointer, row.empty).*row.has);
  }
}

TEST_CASE("the target is the first regular container of its name") {
  CHECK(facts_with("/spec/containers", Json::array()).target == std::nullopt);
  CHECK(facts_with("/spec/initContainers", {{{"name", "code-executor"}}}).target == 0);
  const Json sidecars = {{{"name", "istio-proxy"}}, {{"name", "code-executor"}}, {{"name", "x"}}};
  CHECK(facts_with("/spec/containers", sidecars).target == 1);
  const Json others = {{{"name", "code-executor-2"}}, {{"name", "Code-Executor"}}, Json::object()};
  CHECK(facts_with("/spec/containers", others).target == std::nullopt);
}

TEST_CASE("the target's context is absent, ours, the chart's default or explicit") {
  struct Row {
    Json context;
    TargetContext want;
  };
  for (const Row& row : {
           Row{nullptr, TargetContext::kAbsent},
           Row{Json::object(), TargetContext::kAbsent},
           Row{{{"privileged", nullptr}}, TargetContext::kAbsent},
           Row{{{"privileged", true}}, TargetContext::kChartDefault},
           Row{{{"privileged", true}, {"runAsUser", nullptr}}, TargetContext::kChartDefault},
           Row{{{"privileged", false}}, TargetContext::kExplicit},
           Row{{{"privileged", true}, {"runAsUser", 0}}, TargetContext::kExplicit},
           Row{{{"privileged", "true"}}, TargetContext::kExplicit},
           Row{{{"capabilities", Json::object()}}, TargetContext::kExplicit},
           Row{{{"unknownField", false}}, TargetContext::kExplicit},
           Row{sandbox().context.value, TargetContext::kOurs},
           Row{sandbox().context_no_apparmor.value, TargetContext::kExplicit},
           Row{altered(sandbox().context.value, "/runAsUser", 0), TargetContext::kExplicit},
           Row{altered(sandbox().context.value, "/capabilities/add", {"NET_ADMIN", "SYS_ADMIN"}),
               TargetContext::kExplicit},
       }) {
    CAPTURE(row.context);
    const PodFacts facts = facts_with("/spec/containers/0/securityContext", row.context);
    CHECK((facts.target_context == row.want));
  }
}

TEST_CASE("with the legacy AppArmor annotation the context is ours with and without the field") {
  // The API server writes the annotation from the field (KEP-24), so a pod that is read back has
  // both.
  Json pod = plain_pod();
  pod["metadata"]["annotations"] = {
      {"container.apparmor.security.beta.kubernetes.io/code-executor", "unconfined"}};
  for (const Fragment* context : {&sandbox().context, &sandbox().context_no_apparmor}) {
    pod["spec"]["containers"][0]["securityContext"] = context->value;
    const PodFacts facts = facts_of(pod);
    CHECK(facts.has_legacy_app_armor);
    CHECK((facts.target_context == TargetContext::kOurs));
  }
  pod["metadata"]["annotations"] = {
      {"container.apparmor.security.beta.kubernetes.io/istio-proxy", "unconfined"}};
  CHECK_FALSE(facts_of(pod).has_legacy_app_armor);
}

TEST_CASE("nsjail is off where the last variable of the name says true") {
  const auto variable = [](const char* name, const char* value) -> Json {
    return {{"name", name}, {"value", value}};
  };
  constexpr const char* kName = "CONTAINER_UNPRIVILEGED_MODE";
  struct Row {
    Json env;
    bool want;
  };
  for (const Row& row : {
           Row{nullptr, false},
           Row{Json::array(), false},
           Row{{variable(kName, "true")}, true},
           Row{{variable("A", "b"), variable(kName, "true"), variable("C", "d")}, true},
           Row{{variable(kName, "false")}, false},
           Row{{variable(kName, "True")}, false},
           Row{{variable(kName, "1")}, false},
           Row{{variable("container_unprivileged_mode", "true")}, false},
           Row{{variable(kName, "false"), variable(kName, "true")}, true},
           Row{{variable(kName, "true"), variable(kName, "false")}, false},
           Row{{Json{{"name", kName}, {"valueFrom", Json::object()}}}, false},
       }) {
    CAPTURE(row.env);
    CHECK(facts_with("/spec/containers/0/env", row.env).runs_without_nsjail == row.want);
  }
  Json pod = plain_pod();
  pod["spec"]["containers"].push_back({{"name", "x"}, {"env", {variable(kName, "true")}}});
  CHECK_FALSE(facts_of(pod).runs_without_nsjail);  // another container's
}

TEST_CASE("each single fact is read from its place") {
  struct Row {
    const char* pointer;
    Json value;
    bool PodFacts::*fact;
    bool want;
  };
  const Json devices = {{{"name", "x"}, {"volumeDevices", {{{"name", "d"}}}}}};
  for (const Row& row : {
           Row{"/metadata/annotations",
               {{"kubernetes.io/config.mirror", ""}},
               &PodFacts::is_mirror,
               true},
           Row{"/metadata/annotations",
               {{"kubernetes.io/config.source", "api"}},
               &PodFacts::is_mirror,
               false},
           Row{"/spec/os", {{"name", "windows"}}, &PodFacts::is_windows, true},
           Row{"/spec/os", {{"name", "linux"}}, &PodFacts::is_windows, false},
           Row{"/spec/hostNetwork", true, &PodFacts::uses_host_namespace, true},
           Row{"/spec/hostPID", true, &PodFacts::uses_host_namespace, true},
           Row{"/spec/hostIPC", true, &PodFacts::uses_host_namespace, true},
           Row{"/spec/hostIPC", false, &PodFacts::uses_host_namespace, false},
           Row{"/spec/initContainers", devices, &PodFacts::has_raw_block_volume, true},
           Row{"/spec/ephemeralContainers", devices, &PodFacts::has_raw_block_volume, true},
           Row{"/spec/containers", devices, &PodFacts::has_raw_block_volume, true},
           Row{"/spec/containers/0/volumeDevices", Json::array(), &PodFacts::has_raw_block_volume,
               false},
           Row{"/metadata/annotations",
               {{"checksum/seccomp", sandbox().checksum.value}},
               &PodFacts::has_checksum,
               true},
           Row{"/metadata/annotations",
               {{"checksum/seccomp", "old"}},
               &PodFacts::has_checksum,
               false},
           Row{"/metadata/annotations",
               {{std::string(kProfileAnnotation), sandbox().profile_annotation.value}},
               &PodFacts::has_profile_annotation,
               true},
           Row{"/metadata/annotations",
               {{std::string(kProfileAnnotation), "{}"}},
               &PodFacts::has_profile_annotation,
               false},
       }) {
    CAPTURE(row.pointer);
    CAPTURE(row.value);
    CHECK(facts_with(row.pointer, row.value).*row.fact == row.want);
  }
  CHECK(facts_with("/spec/hostUsers", true).host_users == true);
  CHECK(facts_with("/spec/hostUsers", false).host_users == false);
  CHECK(facts_with("/metadata/labels", {{std::string(kModeLabel), "off"}}).mode == "off");
}

TEST_CASE("a volume of our name is ours with the API server's defaults, else foreign") {
  const Json profile = sandbox().profile_volume.value;
  const Json host = sandbox().host_volume.value;
  const Json defaulted = altered(profile, "/configMap/defaultMode", 420);
  const Json other_map = altered(profile, "/configMap/name", "other");
  const Json other_path = altered(host, "/hostPath/path", "/");
  struct Row {
    Json volumes;
    Presence profile;
    Presence host;
  };
  using enum Presence;
  for (const Row& row : {
           Row{Json::array(), kAbsent, kAbsent}, Row{{{{"name", "tmp"}}}, kAbsent, kAbsent},
           Row{{profile}, kOurs, kAbsent}, Row{{host, defaulted}, kOurs, kOurs},
           Row{{other_map, host}, kForeign, kOurs}, Row{{other_path}, kAbsent, kForeign},
           Row{{{{"name", "seccomp-profile"}}}, kForeign, kAbsent},
           Row{{other_map, profile}, kForeign, kAbsent},  // whatever follows it
       }) {
    CAPTURE(row.volumes);
    const PodFacts facts = facts_with("/spec/volumes", row.volumes);
    CHECK((facts.profile_volume == row.profile));
    CHECK((facts.host_volume == row.host));
  }
}

TEST_CASE("an installer is ours wherever its image comes from, as an init container only") {
  const Json ours = sandbox().installer.value;
  Json defaulted = altered(ours, "/imagePullPolicy", "IfNotPresent");
  defaulted["terminationMessagePath"] = "/dev/termination-log";
  defaulted["volumeMounts"].push_back({{"name", "kube-api-access-x"}, {"mountPath", "/var/run"}});
  struct Row {
    const char* list;
    Json container;
    Presence want;
  };
  using enum Presence;
  for (const Row& row : {
           Row{"/spec/initContainers", ours, kOurs},
           Row{"/spec/initContainers", defaulted, kOurs},
           Row{"/spec/initContainers", altered(ours, "/image", "mirror/busybox"), kOurs},
           Row{"/spec/initContainers", altered(ours, "/resources/limits/cpu", "1"), kOurs},
           Row{"/spec/initContainers", altered(ours, "/command/2", "true"), kForeign},
           Row{"/spec/initContainers", altered(ours, "/securityContext/runAsUser", 1), kForeign},
           Row{"/spec/initContainers", {{"name", "install-seccomp"}}, kForeign},
           Row{"/spec/initContainers", {{"name", "install-seccomp-2"}}, kAbsent},
           Row{"/spec/containers", ours, kForeign},
           Row{"/spec/ephemeralContainers", ours, kForeign},
       }) {
    CAPTURE(row.container);
    const PodFacts facts = facts_with(row.list, Json::array({row.container}));
    CHECK((facts.installer == row.want));
  }
}

}  // namespace
}  // namespace webhook
