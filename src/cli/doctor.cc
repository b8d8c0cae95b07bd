#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/value_or_throw.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/validators.h"
#include "node/checks.h"
#include "node/probe.h"
#include "scheduling/node_verdict.h"

namespace webhook {
namespace {

struct DoctorFlags {
  std::string config;
  std::string host_root = "/";
  std::string kubelet_root;
  std::string runtime_endpoint;
  std::string output = "table";
};

/// Kubelets and crictl name a socket as unix:///run/containerd/containerd.sock.
std::string without_unix_scheme(const std::string& endpoint) {
  constexpr std::string_view kScheme = "unix://";
  return endpoint.starts_with(kScheme) ? endpoint.substr(kScheme.size()) : endpoint;
}

NodeProbeOptions make_options(const DoctorFlags& flags) {
  const Config config = flags.config.empty() ? Config{} : value_or_throw(load_config(flags.config));
  print_config_warnings(config);
  NodeProbeOptions options{.host_root = flags.host_root,
                           .kubelet_seccomp_dir = config.policy.kubelet_seccomp_dir,
                           .app_armor_profile = config.policy.app_armor_profile};
  if (!flags.kubelet_root.empty()) options.kubelet_seccomp_dir = flags.kubelet_root + "/seccomp";
  options.runtime_endpoint = without_unix_scheme(flags.runtime_endpoint);
  return options;
}

/// Pads each column but the last to its longest text.
void print_table(const std::vector<NodeCheck>& checks) {
  std::size_t id_width = 0;
  std::size_t found_width = 0;
  for (const NodeCheck& check : checks) {
    id_width = std::max(id_width, check.id.size());
    found_width = std::max(found_width, check.found.size());
  }
  for (const NodeCheck& check : checks) {
    std::cout << std::left << to_string(check.status) << "  "
              << std::setw(static_cast<int>(id_width)) << check.id << "  "
              << std::setw(static_cast<int>(found_width)) << check.found << "  " << check.meaning
              << '\n';
  }
}

void print_json(const NodeFacts& facts, const std::vector<NodeCheck>& checks) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const NodeCheck& check : checks) {
    list.push_back({{"id", check.id},
                    {"status", to_string(check.status)},
                    {"found", check.found},
                    {"meaning", check.meaning}});
  }
  nlohmann::ordered_json labels = nlohmann::ordered_json::object();
  const auto label = to_sandbox_label(facts, checks);
  if (label) labels[std::string(kSandboxLabel)] = *label ? "true" : "false";
  const nlohmann::ordered_json report = {
      {"status", to_string(worst_of(checks))}, {"checks", list}, {"labels", labels}};
  // Kernel files and flags may hold bytes that are not UTF-8.
  std::cout << report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

bool is_directory(std::string_view path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

void run(const DoctorFlags& flags) {
  const NodeFacts facts = probe_node(make_options(flags));
  const std::vector<NodeCheck> checks = check_node(facts);
  flags.output == "json" ? print_json(facts, checks) : print_table(checks);
  std::string failed;
  for (const NodeCheck& check : checks) {
    if (check.status != CheckStatus::kFail) continue;
    failed += (failed.empty() ? "" : ", ") + std::string(check.id);
  }
  if (!failed.empty()) {
    std::cout.flush();
    throw std::runtime_error("node: code-executor pods will not work here: " + failed +
                             " (expected no check that fails)");
  }
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto* command = app.add_subcommand(
      "doctor",
      "Check whether code-executor pods work on the node this runs on. Changes nothing, needs no\n"
      "cluster; run it as root of the host's user namespace, or some checks cannot be tried");
  const auto flags = std::make_shared<DoctorFlags>();
  command
      ->add_option("--config", flags->config,
                   "Configuration file (YAML): of the AppArmor profile and the seccomp directory")
      ->type_name("FILE");
  auto* host_root = command->add_option(
      "--host-root", flags->host_root,
      "Where the host's / is mounted: its proc, sys and kubelet are read there");
  expect(*host_root->type_name("DIR")->capture_default_str(), is_directory,
         "a directory that exists");
  command
      ->add_option("--kubelet-root", flags->kubelet_root,
                   "The kubelet's directory on the host [/var/lib/kubelet]")
      ->type_name("DIR");
  command
      ->add_option("--runtime-endpoint", flags->runtime_endpoint,
                   "The container runtime's CRI socket on the host [the first of containerd's,\n"
                   "CRI-O's, k3s' and cri-dockerd's that is there]")
      ->type_name("SOCKET");
  auto* output = command->add_option("-o,--output", flags->output, "table or json");
  expect_one_of(*output->type_name("FORMAT")->capture_default_str(), {"table", "json"});
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook
