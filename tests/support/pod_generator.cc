#include "support/pod_generator.h"

#include <random>

#include "admission/sandbox.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

/// Draws that are the same on every machine: the standard fixes the engine, not the distributions.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
  bool one_in(std::size_t n) { return below(n) == 0; }

  const Json& any(const Json& list) { return list[below(list.size())]; }

 private:
  std::mt19937_64 engine_;
};

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

Json make_context(Dice& dice, const Sandbox& sandbox) {
  const Json contexts = {nullptr,
                         Json::object(),
                         {{"privileged", nullptr}},
                         {{"privileged", true}},
                         {{"privileged", true}, {"runAsUser", nullptr}},
                         {{"privileged", false}},
                         {{"runAsUser", 1000}},
                         sandbox.context.value,
                         sandbox.context_no_apparmor.value};
  return dice.any(contexts);
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
  if (dice.one_in(3)) container["securityContext"] = make_context(dice, sandbox);
  if (dice.one_in(10)) container["volumeDevices"] = Json::array();
  if (dice.one_in(60)) container["volumeDevices"].push_back({{"name", "canary"}});
  return container;
}

void insert_somewhere(Dice& dice, Json& list, const Json& element) {
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(dice.below(list.size() + 1)), element);
}

/// What we would inject, as it is or grown by others, or something else of its name.
Json vary(Dice& dice, const Fragment& ours) {
  Json value = ours.value;
  if (dice.one_in(3)) value["addedByOthers"] = dice.any(kUnknown);
  if (dice.one_in(12)) value = {{"name", value["name"]}, {"emptyDir", Json::object()}};
  return value;
}

Json make_volumes(Dice& dice, const Sandbox& sandbox) {
  Json volumes = Json::array();
  for (std::size_t n = dice.below(4); n > 0; --n) {
    Json volume = {{"name", "v" + std::to_string(n)}, {"secret", {{"secretName", "canary"}}}};
    add_unknown(dice, volume);
    volumes.push_back(volume);
  }
  if (dice.one_in(5)) insert_somewhere(dice, volumes, vary(dice, sandbox.profile_volume));
  if (dice.one_in(5)) insert_somewhere(dice, volumes, vary(dice, sandbox.host_volume));
  return volumes;
}

Json make_init_containers(Dice& dice, const Sandbox& sandbox) {
  Json containers = Json::array();
  for (std::size_t n = dice.below(4); n > 0; --n) {
    containers.push_back(make_container(dice, "init-" + std::to_string(n), sandbox));
    if (dice.one_in(2)) containers.back()["restartPolicy"] = "Always";
  }
  if (dice.one_in(5)) insert_somewhere(dice, containers, vary(dice, sandbox.installer));
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
