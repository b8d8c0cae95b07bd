#include "cli/common.h"

#include <iostream>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include "cli/validators.h"
#include "kube/client.h"
#include "os/file.h"

namespace webhook {
namespace {

/// What `mutate` and `review` assume where no version is given, as `helm template` does.
constexpr KubeVersion kAssumedVersion{1, 34};

}  // namespace

void add_config_flags(CLI::App& command, CommonFlags& flags) {
  command.add_option("--config", flags.config, "Configuration file (YAML)")->type_name("FILE");
  command
      .add_option("--profile", flags.profile,
                  "seccomp profile to inject instead of the one built in")
      ->type_name("FILE");
}

void add_version_flags(CLI::App& command, CommonFlags& flags) {
  command
      .add_option("--kube-version", flags.kube_version,
                  "Kubernetes version to decide by, such as v1.34.3")
      ->type_name("VERSION");
  command
      .add_option("--kubeconfig", flags.kubeconfig,
                  "Ask the API server of this kubeconfig for its version")
      ->type_name("FILE");
}

void add_log_flags(CLI::App& command, CommonFlags& flags) {
  auto* level =
      command.add_option("--log-level", flags.log_level, "trace, debug, info, warning or error");
  expect_one_of(*level->type_name("LEVEL"), {"trace", "debug", "info", "warning", "error"});
  auto* format = command.add_option("--log-format", flags.log_format, "json or text");
  expect_one_of(*format->type_name("FORMAT"), {"json", "text"});
}

Result<Config> make_config(const CommonFlags& flags) {
  auto loaded = flags.config.empty() ? Result(Config{}) : load_config(flags.config);
  if (!loaded) return loaded;
  Config& config = *loaded;
  if (!flags.kube_version.empty()) {
    const auto version = parse_kube_version(flags.kube_version);
    if (!version) return Error{"--kube-version: " + version.error().message};
    config.cluster.kube_version = flags.kube_version;
  }
  if (!flags.profile.empty()) config.profile_file = flags.profile;
  if (!flags.log_level.empty()) config.log.level = flags.log_level;
  if (!flags.log_format.empty()) {
    config.log.format = flags.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  }
  return loaded;
}

void print_config_warnings(const Config& config) {
  for (const std::string& warning : to_config_warnings(config)) {
    std::cerr << "warning: " << warning << '\n';
  }
}

KubeVersion offline_version(const Config& config, const CommonFlags& flags) {
  if (!config.cluster.kube_version.empty()) {
    return parse_kube_version(config.cluster.kube_version).value();
  }
  if (!flags.kubeconfig.empty()) {
    return version_of(KubeClient::from_kubeconfig(flags.kubeconfig));
  }
  std::cerr << "assuming Kubernetes " << to_string(kAssumedVersion)
            << " (say which with --kube-version or --kubeconfig)\n";
  return kAssumedVersion;
}

KubeVersion version_of(const KubeClient& client) {
  const auto body = client.get("/version");
  if (!body) throw std::runtime_error(body.error().message);
  const auto cluster = parse_version_info(*body);
  if (!cluster) throw std::runtime_error(client.address() + cluster.error().message);
  return cluster->version;
}

std::string read_input(const std::string& file) {
  return file == "-" ? read_standard_input() : read_to_end(file);
}

}  // namespace webhook
