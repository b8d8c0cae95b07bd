#include "admission/pod_facts.h"

#include <doctest/doctest.h>

#include "base/json_reader.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

PodFacts facts_of(const Json& pod) {
  const std::string body = pod.dump();
  JsonParser parser;
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  PodFacts facts = read_pod_facts(root, small_sandbox());
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
               {{"checksum/seccomp", small_sandbox().checksum.value}},
               &PodFacts::has_checksum,
               true},
           Row{"/metadata/annotations",
               {{"checksum/seccomp", "old"}},
               &PodFacts::has_checksum,
               false},
           Row{"/spec/securityContext", {{"runAsUser", 65536}}, &PodFacts::has_unmapped_id, true},
           Row{"/spec/securityContext",
               {{"runAsUser", 65535}, {"fsGroup", 0}},
               &PodFacts::has_unmapped_id,
               false},
           Row{"/spec/containers/0/securityContext",
               {{"runAsGroup", 65536}},
               &PodFacts::has_unmapped_id,
               true},
           Row{"/spec/containers",
               {{{"name", "install-seccomp"}}},
               &PodFacts::has_container_of_our_name,
               true},
           Row{"/spec/ephemeralContainers",
               {{{"name", "install-seccomp"}}},
               &PodFacts::has_container_of_our_name,
               true},
           Row{"/spec/initContainers",
               {{{"name", "install-seccomp"}}},
               &PodFacts::has_container_of_our_name,
               false},
       }) {
    CAPTURE(row.pointer);
    CAPTURE(row.value);
    CHECK(facts_with(row.pointer, row.value).*row.fact == row.want);
  }
  CHECK(facts_with("/spec/hostUsers", true).host_users == true);
  CHECK(facts_with("/spec/hostUsers", false).host_users == false);
  CHECK(facts_with("/metadata/labels", {{std::string(kModeLabel), "off"}}).mode == "off");
  CHECK((facts_of(plain_pod()).profile_annotation == Presence::kAbsent));
  const auto with_profile = [](const Json& value) {
    return facts_with("/metadata/annotations", {{std::string(kProfileAnnotation), value}});
  };
  CHECK((with_profile(small_sandbox().profile_annotation.value).profile_annotation ==
         Presence::kOurs));
  CHECK((with_profile("{}").profile_annotation == Presence::kForeign));
}

TEST_CASE("a volume of our name is ours with the API server's defaults, and with nothing else") {
  const Json profile = small_sandbox().profile_volume.fragment.value;
  const Json host = small_sandbox().host_volume.fragment.value;
  const Json defaulted = altered(profile, "/configMap/defaultMode", 420);
  struct Row {
    Json volume;
    bool is_ours;
  };
  for (const Row& row : {
           Row{profile, true},
           Row{defaulted, true},
           Row{altered(profile, "/configMap/items", nullptr), true},
           Row{altered(profile, "/configMap/defaultMode", 384), false},
           Row{altered(profile, "/configMap/optional", true), false},
           Row{altered(profile, "/configMap/name", "other"), false},
           Row{altered(profile, "/emptyDir", Json::object()), false},
           Row{altered(profile, "/configMap/items",
                       Json::array({{{"key", "evil"}, {"path", "nsjail-seccomp.json"}}})),
               false},
           Row{host, true},
           Row{altered(host, "/hostPath/path", "/"), false},
           Row{altered(host, "/hostPath/type", "Directory"), false},
           Row{altered(host, "/hostPath/type", nullptr), false},
       }) {
    CAPTURE(row.volume);
    const bool is_profile = row.volume.at("name") == "seccomp-profile";
    const PodFacts facts = facts_with("/spec/volumes", Json::array({row.volume}));
    const Named& named = is_profile ? facts.profile_volume : facts.host_volume;
    CHECK(named.first == 0);
    CHECK(named.first_is_ours == row.is_ours);
    CHECK(named.all_are_ours == row.is_ours);
    CHECK_FALSE((is_profile ? facts.host_volume : facts.profile_volume).first);
  }
}

TEST_CASE("a volume of the annotation is ours with the API server's defaults") {
  Policy policy = small_policy();
  policy.delivery = Delivery::kAnnotation;
  const Sandbox by_annotation = make_sandbox(policy);
  const auto is_ours = [&](const char* pointer, const Json& value) {
    Json pod = plain_pod();
    pod["spec"]["volumes"] = Json::array({by_annotation.profile_volume.fragment.value});
    pod[Pointer(std::string("/spec/volumes/0") + pointer)] = value;
    const std::string body = pod.dump();
    JsonParser parser;
    JsonDocument document(parser, body);
    const JsonValue root = document.root();
    return read_pod_facts(root, by_annotation).profile_volume.first_is_ours;
  };
  CHECK(is_ours("/downwardAPI/defaultMode", 420));
  CHECK(is_ours("/downwardAPI/items/0/fieldRef/apiVersion", "v1"));
  CHECK_FALSE(is_ours("/downwardAPI/items/0/fieldRef/apiVersion", "v2"));
  CHECK_FALSE(is_ours("/downwardAPI/items/0/mode", 511));
  CHECK_FALSE(is_ours("/downwardAPI/items/1", {{"path", "other"}}));
  CHECK_FALSE(is_ours("/configMap", {{"name", "other"}}));
}

TEST_CASE("further volumes and init containers of our name are noted with their places") {
  const Json host = small_sandbox().host_volume.fragment.value;
  const Json other = altered(host, "/hostPath/path", "/");
  const Json tmp = {{"name", "tmp"}};
  PodFacts facts = facts_with("/spec/volumes", Json::array({tmp, host, tmp, other, host}));
  CHECK(facts.host_volume.first == 1);
  CHECK(facts.host_volume.others == std::vector<std::size_t>{3, 4});
  CHECK(facts.host_volume.first_is_ours);
  CHECK_FALSE(facts.host_volume.all_are_ours);
  const Json ours = small_sandbox().installer.whole.value;
  const Json evil = altered(ours, "/image", "evil:1");
  facts = facts_with("/spec/initContainers", Json::array({tmp, evil, ours}));
  CHECK(facts.installer.first == 1);
  CHECK(facts.installer.others == std::vector<std::size_t>{2});
  CHECK_FALSE(facts.installer.first_is_ours);
  CHECK(facts.installer_edits.size() == 1);
}

TEST_CASE("a mount of our volumes is foreign wherever it is, but in the installer") {
  for (const char* volume : {"seccomp-profile", "host-seccomp"}) {
    for (const char* list :
         {"/spec/initContainers", "/spec/containers", "/spec/ephemeralContainers"}) {
      const Json mounts = Json::array({{{"name", volume}, {"mountPath", "/x"}}});
      Json container = {{"name", "other"}, {"volumeMounts", mounts}};
      CHECK(facts_with(list, Json::array({container})).has_foreign_mount);
      container["name"] = "install-seccomp";
      CHECK(facts_with(list, Json::array({container})).has_foreign_mount ==
            (std::string(list) != "/spec/initContainers"));
      container["volumeMounts"][0]["name"] = "other";
      CHECK_FALSE(facts_with(list, Json::array({container})).has_foreign_mount);
    }
  }
}

TEST_CASE("a volume that cannot be id-mapped counts where a container mounts it") {
  const Json volume = {{"name", "fuse"}, {"hostPath", {{"path", "/dev/fuse"}}}};
  Json pod = plain_pod();
  pod["spec"]["volumes"] = Json::array({volume});
  CHECK_FALSE(facts_of(pod).has_unmappable_volume);
  Json sidecar = {{"name", "x"}, {"volumeMounts", {{{"name", "fuse"}, {"mountPath", "/f"}}}}};
  pod["spec"]["containers"].push_back(sidecar);
  CHECK(facts_of(pod).has_unmappable_volume);
  // Of our name it is a conflict, or replaced.
  pod["spec"]["volumes"][0]["name"] = "host-seccomp";
  CHECK_FALSE(facts_of(pod).has_unmappable_volume);
}

}  // namespace
}  // namespace webhook
