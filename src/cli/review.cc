#include <iostream>
#include <memory>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include "admission/admission.h"
#include "base/value_or_throw.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/nodes.h"
#include "server/live_config.h"

namespace webhook {
namespace {

struct ReviewFlags {
  CommonFlags common;
  std::string file;
  std::string nodes;
};

void run(const ReviewFlags& flags) {
  const Config config = value_or_throw(make_config(flags.common));
  print_config_warnings(config);
  const auto sandbox = value_or_throw(make_sandbox_of(config));
  if (flags.file == "-" && flags.nodes == "-") {
    throw std::runtime_error("--nodes: is standard input, as -f is (expected another one)");
  }
  const std::string body = read_input(flags.file);
  ClusterState cluster{.version = offline_version(config, flags.common)};
  if (!flags.nodes.empty() && config.cluster.node_awareness)
    cluster.nodes = load_nodes(flags.nodes);
  JsonParser parser;
  const auto reviewed = review(parser, body, *sandbox, cluster);
  if (!reviewed) throw std::runtime_error(flags.file + ": " + reviewed.error().message);
  std::cout << reviewed->wire << '\n';
}

}  // namespace

void add_review(CLI::App& app) {
  auto* command = app.add_subcommand(
      "review", "Answer one AdmissionReview as the server would, without a server");
  const auto flags = std::make_shared<ReviewFlags>();
  command->add_option("-f,--filename", flags->file, "AdmissionReview (JSON); - is standard input")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--nodes", flags->nodes,
                   "Nodes to decide by (YAML or JSON): a NodeList, or what `kubectl get\n"
                   "nodes,runtimeclasses -o yaml` prints")
      ->type_name("FILE");
  add_config_flags(*command, flags->common);
  add_version_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook
