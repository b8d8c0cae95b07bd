#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "base/value_or_throw.h"
#include "cel/final_state.h"
#include "cel/policies.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/validators.h"
#include "server/live_config.h"
#include "yaml/manifest.h"

namespace webhook {

extern const std::string_view kWebhookConfiguration;
extern const std::string_view kFinalStatePolicy;
extern const std::string_view kFinalStateBinding;

namespace {

struct PolicyFlags {
  CommonFlags common;
  std::string output = "yaml";
  bool param = false;
  std::string ns = "kube-system";
};

constexpr std::string_view kHeader =
    R"(# The decision of code-executor-webhook as policies that API servers evaluate themselves, made by
# `code-executor-webhook policy`: for Kubernetes 1.36 and later, in place of the webhook. Make it anew
# for another configuration or release; nothing in it is to be edited.
#
# What a policy cannot do, and the webhook does:
# * it knows nothing of nodes: pods are sandboxed whether or not a node can run them;
# * it asks no API server for its version or features: where this API is served, they are on. Where
#   the feature MutatingAdmissionPolicy or its admission plugin is off it does nothing, and says
#   nothing: only the final-state policy at the end of this file notices;
# * it runs before all mutating webhooks: what one of them adds at first is not looked at before,
#   and is looked at again;
# * it counts and logs nothing, and leaves no audit annotations;
# * its warnings are of the pod as it is stored: of one that is privileged they do not tell whether
#   it came so.
#
# Annotation code-executor-webhook/denied is its own: a pod with it is refused.
)";

void run(const PolicyFlags& flags) {
  const Config config = value_or_throw(make_config(flags.common));
  print_config_warnings(config);
  const auto sandbox = value_or_throw(make_sandbox_of(config));
  PolicyOptions options{
      .webhook_configuration =
          parse_manifest(std::string(kWebhookConfiguration), "mutating-webhook-configuration.yaml")
              .front(),
      .param_namespace = {}};
  if (flags.param) options.param_namespace = flags.ns;
  const auto objects = value_or_throw(to_policies(*sandbox, options));
  const auto final_state = value_or_throw(to_final_state(kFinalStatePolicy, sandbox->policy));
  std::cout << kHeader;
  for (const Document& object : objects) std::cout << "---\n" << to_yaml(object);
  std::cout << "---\n" << final_state << "---\n" << kFinalStateBinding;
}

}  // namespace

void add_policy(CLI::App& app) {
  auto* command = app.add_subcommand(
      "policy",
      "Print the decision as policies for API servers of 1.36 and later, without a server");
  const auto flags = std::make_shared<PolicyFlags>();
  add_config_flags(*command, flags->common);
  auto* output = command->add_option("-o,--output", flags->output, "What to print, to be applied");
  expect_one_of(*output->capture_default_str(), {"yaml"});
  auto* param = command->add_flag(
      "--param", flags->param,
      "Put the profile into a ConfigMap, for delivery: annotation of one near 100,000 characters");
  auto* ns =
      command->add_option("-n,--namespace", flags->ns, "Namespace of the ConfigMap of --param");
  expect_namespace(*ns->type_name("NS")->capture_default_str()->needs(param));
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook
