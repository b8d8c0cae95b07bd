#include "support/pod_generator.h"

#include "admission/sandbox.h"
#include "support/dice.h"
#include "support/node_generator.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

const Json kTexts = {"canary",       "canary/with~both~1", "canary\xc3\xa9\xe2\x98\x83",
                     "canary \"q\"", "canary\nline",       "canary\xf0\x9f\x98\x80"};
const Json kKeys = {"example.com/a",
                    "a~b",
                    "~1",
                    "/",
                    "",
                    "\xe6\x97\xa5\xe6\x9c\xac",
                    "a.b-c",
                    "checksum~1seccomp",
                    "checksum/config"};
const Json kUnknown = {nullptr,
                       false,
                       1,
                       -2.5,
                       "canary",
                       Json::array(),
                       Json::object(),
                       {{"canary", {1, {{"a", nullptr}}, "~/"}}},
                       9007199254740993};

/// Now and then a field that no release has yet.
void add_unknown(Dice& dice, Json& object) {
  if (dice.one_in(3)) object["fieldOf" + std::to_string(dice.below(9))] = dice.any(kUnknown);
}

Json make_annotations(Dice& dice, const Sandbox& sandbox) {
  Json annotations = Json::object();
  for (std::size_t n = dice.below(4); n > 0; --n) annotations[dice.any(kKeys)] = dice.any(kTexts);
  const auto sometimes = [&](std::string_view key, const Json& ours) {
    if (dice.one_in(6)) annotations[std::string(key)] = dice.one_in(3) ? Json("stale") : ours;
  };
  sometimes(kChecksumAnnotation, sandbox.checksum.value);
  sometimes(kProfileAnnotation, sandbox.profile_annotation.value);
  sometimes(std::string(kLegacyAppArmorAnnotation) + sandbox.policy.container_name, "unconfined");
  if (dice.one_in(4)) annotations[std::string(kAffinityAnnotation)] = make_mark(dice);
  if (dice.one_in(40)) annotations["kubernetes.io/config.mirror"] = "canary";
  return annotations;
}

Json make_metadata(Dice& dice, const Sandbox& sandbox) {
  Json metadata = {{dice.one_in(2) ? "name" : "generateName", "code-executor-"}};
  add_unknown(dice, metadata);
  if (dice.one_in(3)) {
    const Json modes = {"off", "sandbox", "sandbox", "on", "", nullptr};
    metadata["labels"] = {{std::string(kModeLabel), dice.any(modes)}, {"app", "canary"}};
  }
  if (dice.one_in(6)) metadata["annotations"] = nullptr;
  if (!dice.one_in(4)) metadata["annotations"] = make_annotations(dice, sandbox);
  return metadata;
}

/// Ours of now, of another digest, of release 0.1.0; with AppArmor settings of all kinds.
Json make_context_of_ours(Dice& dice, const Sandbox& sandbox) {
  Json context = (dice.one_in(2) ? sandbox.context : sandbox.context_no_apparmor).whole.value;
  if (dice.one_in(2)) {
    const Json paths = {"profiles/nsjail-seccomp.json",
                        "profiles/nsjail-seccomp-" + std::string(64, 'a') + ".json",
                        "profiles/nsjail-seccomp-" + std::string(63, 'a') + ".json"};
    context["seccompProfile"]["localhostProfile"] = dice.any(paths);
  }
  if (dice.one_in(4)) {
    const Json settings = {{{"type", "RuntimeDefault"}},
                           {{"type", "Localhost"}, {"localhostProfile", "other"}},
                           {{"type", "Localhost"}}};
    context["appArmorProfile"] = dice.any(settings);
  }
  if (dice.one_in(8)) context["capabilities"]["add"].push_back("SYS_ADMIN");
  return context;
}

Json make_context(Dice& dice, const Sandbox& sandbox) {
  const Json contexts = {nullptr,
                         Json::object(),
                         {{"privileged", nullptr}},
                         {{"privileged", true}},
                         {{"privileged", true}},
                         {{"privileged", false}},
                         {{"runAsUser", 1000}},
                         {{"runAsUser", 100000}},
                         {{"privileged", true}, {"capabilities", {{"add", {"SYS_ADMIN"}}}}}};
  Json context = dice.one_in(3) ? make_context_of_ours(dice, sandbox) : dice.any(contexts);
  if (!context.is_object() || context.empty() || !dice.one_in(3)) return context;
  const Json kept = {{{"runAsUser", 0}},
                     {{"runAsUser", nullptr}},
                     {{"runAsNonRoot", true}, {"runAsGroup", 65535}},
                     {{"readOnlyRootFilesystem", true}},
                     {{"seLinuxOptions", {{"level", "canary"}}}},
                     {{"seLinuxOptions", {{"type", "canary"}}}}};
  context.update(dice.any(kept));
  return context;
}

Json make_env(Dice& dice) {
  Json env = Json::array();
  for (std::size_t n = dice.below(4); n > 0; --n) {
    env.push_back({{"name", "SECRET"}, {"value", dice.any(kTexts)}});
  }
  if (dice.one_in(12)) {
    const Json values = {"true", "false", "canary"};
    env.push_back({{"name", "CONTAINER_UNPRIVILEGED_MODE"}, {"value", dice.any(values)}});
  }
  return env;
}

Json make_container(Dice& dice, const Json& name, const Sandbox& sandbox) {
  Json container = {{"name", name}, {"image", "registry.example/canary"}};
  add_unknown(dice, container);
  if (dice.one_in(2)) container["env"] = make_env(dice);
  if (dice.one_in(2)) container["securityContext"] = make_context(dice, sandbox);
  if (dice.one_in(10)) container["volumeDevices"] = Json::array();
  if (dice.one_in(60)) container["volumeDevices"].push_back({{"name", "canary"}});
  if (dice.one_in(2)) {
    const Json volumes = {"v1", "v2", "v3", "canary"};
    Json mount = {{"name", dice.any(volumes)}, {"mountPath", "/canary"}};
    const Json parts = {{{"subPath", "dev"}},          {{"subPath", "shm"}},
                        {{"subPath", "kubelet/"}},     {{"subPath", nullptr}},
                        {{"subPathExpr", "sys/$(A)"}}, {{"subPathExpr", "sy$(A)/x"}},
                        {{"readOnly", true}}};
    if (dice.one_in(3)) mount.update(dice.any(parts));
    container["volumeMounts"] = Json::array({mount});
    if (dice.one_in(40)) container["volumeMounts"][0]["name"] = kHostVolume;
  }
  return container;
}

void insert_somewhere(Dice& dice, Json& list, const Json& element) {
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(dice.below(list.size() + 1)), element);
}

/// What we would inject: as it is, as the API server and others leave it, or changed.
Json vary(Dice& dice, const Json& ours, const Json& changes) {
  Json value = ours;
  if (dice.one_in(3)) value["addedByOthers"] = dice.any(kUnknown);
  if (dice.one_in(3)) value.update(dice.any(changes), true);
  if (dice.one_in(12)) value = {{"name", value["name"]}, {"emptyDir", Json::object()}};
  return value;
}

Json vary_volume(Dice& dice, const OwnVolume& ours) {
  const Json changes = {{{"configMap", {{"name", "other"}}}},
                        {{"configMap", {{"optional", true}}}},
                        {{"hostPath", {{"path", "/"}}}},
                        {{"emptyDir", Json::object()}}};
  return vary(dice, dice.one_in(2) ? ours.with_defaults : ours.fragment.value, changes);
}

Json vary_installer(Dice& dice, const Sandbox& sandbox) {
  const Json& ours = sandbox.installer.whole.value;
  const Json token = {{"name", "kube-api-access-x"},
                      {"readOnly", true},
                      {"mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"}};
  const Json mounts = ours.at("volumeMounts");
  const std::string image = ours.at("image");
  const Json changes = {{{"image", "mirror.example/busybox" + image.substr(image.find('@'))}},
                        {{"image", "evil:1"}},
                        {{"imagePullPolicy", "Always"}, {"terminationMessagePolicy", "File"}},
                        {{"terminationMessagePath", "/canary"}},
                        {{"resources", Json::object()}},
                        {{"command", {"sh", "-c", "canary"}}},
                        {{"env", {{{"name", "PATH"}, {"value", "canary"}}}}},
                        {{"restartPolicy", "Always"}, {"args", {"canary"}}},
                        {{"securityContext", {{"runAsUser", 1}}}},
                        {{"volumeMounts", {token, mounts[0], mounts[1]}}},
                        {{"volumeMounts", {mounts[0], token, mounts[1], token, mounts[0]}}},
                        {{"volumeMounts", Json::array({mounts[1]})}},
                        {{"volumeMounts", nullptr}}};
  return vary(dice, ours, changes);
}

Json make_volumes(Dice& dice, const Sandbox& sandbox) {
  Json volumes = Json::array();
  for (std::size_t n = dice.below(4); n > 0; --n) {
    Json volume = {{"name", "v" + std::to_string(n)}, {"secret", {{"secretName", "canary"}}}};
    add_unknown(dice, volume);
    const Json sources = {{{"nfs", {{"server", "canary"}}}},
                          {{"hostPath", {{"path", "/dev//fuse"}}}},
                          {{"hostPath", {{"path", "//./sys"}}}},
                          {{"hostPath", {{"path", "/dev/shm/"}}}},
                          {{"hostPath", {{"path", "/device"}}}},
                          {{"hostPath", {{"path", "/"}}}},
                          {{"hostPath", {{"path", "/var/lib/../lib"}}}},
                          {{"hostPath", {{"path", "/var/lib/kubelet/seccomp"}}}}};
    if (dice.one_in(8)) volume.update(dice.any(sources));
    volumes.push_back(volume);
  }
  for (const OwnVolume* ours : {&sandbox.profile_volume, &sandbox.host_volume}) {
    if (dice.one_in(4)) insert_somewhere(dice, volumes, vary_volume(dice, *ours));
    if (dice.one_in(12)) insert_somewhere(dice, volumes, vary_volume(dice, *ours));
  }
  return volumes;
}

Json make_init_containers(Dice& dice, const Sandbox& sandbox) {
  Json containers = Json::array();
  for (std::size_t n = dice.below(4); n > 0; --n) {
    containers.push_back(make_container(dice, "init-" + std::to_string(n), sandbox));
    if (dice.one_in(2)) containers.back()["restartPolicy"] = "Always";
  }
  if (dice.one_in(4)) insert_somewhere(dice, containers, vary_installer(dice, sandbox));
  if (dice.one_in(12)) insert_somewhere(dice, containers, vary_installer(dice, sandbox));
  return containers;
}

Json make_containers(Dice& dice, const Sandbox& sandbox) {
  Json containers = Json::array();
  for (std::size_t n = dice.below(4); n > 0; --n) {
    containers.push_back(make_container(dice, "sidecar-" + std::to_string(n), sandbox));
  }
  if (dice.one_in(60)) containers.push_back({{"name", kInstaller}});
  if (!dice.one_in(30)) {
    const Json target = make_container(dice, sandbox.policy.container_name, sandbox);
    insert_somewhere(dice, containers, target);
  }
  return containers;
}

Json make_spec(Dice& dice, const Sandbox& sandbox) {
  Json spec = {{"containers", make_containers(dice, sandbox)}};
  add_unknown(dice, spec);
  if (dice.one_in(6)) spec["volumes"] = nullptr;
  if (!dice.one_in(4)) spec["volumes"] = make_volumes(dice, sandbox);
  if (dice.one_in(6)) spec["initContainers"] = nullptr;
  if (dice.one_in(2)) spec["initContainers"] = make_init_containers(dice, sandbox);
  const Json flags = {nullptr, false, false, false, true};
  for (const char* flag : {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}) {
    if (dice.one_in(8)) spec[flag] = dice.any(flags);
  }
  const Json systems = {nullptr, Json::object(), {{"name", "linux"}}, {{"name", "windows"}}};
  if (dice.one_in(15)) spec["os"] = dice.any(systems);
  if (dice.one_in(6)) spec["securityContext"] = {{"runAsUser", 1000}};
  if (dice.one_in(2)) add_constraints(dice, spec);
  if (dice.one_in(30)) spec["securityContext"] = {{"supplementalGroups", {1, 70000}}};
  return spec;
}

}  // namespace

Json generate_review(std::uint64_t seed, const Policy& policy) {
  Dice dice(seed);
  const Sandbox sandbox = make_sandbox(policy);
  Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}};
  add_unknown(dice, pod);
  if (dice.one_in(12)) pod["metadata"] = dice.one_in(2) ? Json() : Json::object();
  if (!dice.one_in(8)) pod["metadata"] = make_metadata(dice, sandbox);
  if (!dice.one_in(100)) pod["spec"] = make_spec(dice, sandbox);
  Json review = to_review(pod);
  add_unknown(dice, review["request"]);
  if (dice.one_in(60)) review["request"]["operation"] = "UPDATE";
  if (dice.one_in(60)) review["request"]["subResource"] = "status";
  return review;
}

}  // namespace webhook
