#pragma once

#include <string>

#include "server/config.h"

// NOLINTNEXTLINE(readability-identifier-naming): CLI11 names it
namespace CLI {
class App;
}  // namespace CLI

namespace webhook {

class KubeClient;

/// The flags that several commands share. What is set overrides the file.
struct CommonFlags {
  std::string config;
  std::string kube_version;
  std::string kubeconfig;
  std::string profile;
  std::string log_level;
  std::string log_format;
};

void add_config_flags(CLI::App& command, CommonFlags& flags);
void add_version_flags(CLI::App& command, CommonFlags& flags);
void add_log_flags(CLI::App& command, CommonFlags& flags);

/// The configuration file, or the defaults without one, under the flags.
Result<Config> make_config(const CommonFlags& flags);

/// Says on stderr what should be known of the configuration; `serve` logs it.
void print_config_warnings(const Config& config);

/// The version to decide by, offline: the fixed one, else that of the cluster of --kubeconfig, else
/// an assumed one, which it names on stderr. Throws std::runtime_error.
KubeVersion offline_version(const Config& config, const CommonFlags& flags);

/// The version of the cluster of `client`. Throws std::runtime_error.
KubeVersion version_of(const KubeClient& client);

/// All of standard input for "-", else of a file. Throws std::runtime_error.
std::string read_input(const std::string& file);

}  // namespace webhook
