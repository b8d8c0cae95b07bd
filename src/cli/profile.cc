#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "admission/sandbox.h"
#include "base/value_or_throw.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/validators.h"
#include "server/seccomp_profile_file.h"

namespace webhook {
namespace {

struct ProfileFlags {
  CommonFlags common;
  std::string ns = "default";
  std::string output = "json";
};

/// As JSON, which kubectl takes as it takes YAML, and which keeps every byte. Immutable where its
/// name is of its content; under a fixed name the next profile must be able to take its place.
std::string to_config_map(const SeccompProfile& profile, const Config& config,
                          const std::string& ns) {
  const std::string name = with_digest(config.policy.config_map_name, profile.sha256);
  nlohmann::json config_map = {{"apiVersion", "v1"},
                               {"kind", "ConfigMap"},
                               {"metadata", {{"name", name}, {"namespace", ns}}},
                               {"data", {{std::string(kProfileKey), profile.bytes}}}};
  if (name != config.policy.config_map_name) config_map["immutable"] = true;
  return config_map.dump(2) + '\n';
}

void run(const ProfileFlags& flags) {
  const Config config = value_or_throw(make_config(flags.common));
  print_config_warnings(config);
  const SeccompProfile profile =
      value_or_throw(load_seccomp_profile(config.profile_file, config.policy.delivery));
  if (flags.output == "sha256") {
    std::cout << profile.sha256 << '\n';
  } else if (flags.output == "configmap") {
    std::cout << to_config_map(profile, config, flags.ns);
  } else {
    std::cout << profile.bytes;
  }
}

}  // namespace

void add_profile(CLI::App& app) {
  auto* command =
      app.add_subcommand("profile", "Print the seccomp profile, or check the one of --profile");
  const auto flags = std::make_shared<ProfileFlags>();
  add_config_flags(*command, flags->common);
  auto* ns = command->add_option("-n,--namespace", flags->ns, "Namespace of the ConfigMap");
  expect_namespace(*ns->type_name("NS")->capture_default_str());
  auto* output =
      command->add_option("-o,--output", flags->output,
                          "json: its exact bytes; configmap: to apply; sha256: the pod's "
                          "annotation");
  expect_one_of(*output->type_name("FORMAT")->capture_default_str(),
                {"json", "configmap", "sha256"});
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook
