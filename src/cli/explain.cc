#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/json_at.h"
#include "base/value_or_throw.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/explain_all.h"
#include "cli/explain_named.h"
#include "cli/explained.h"
#include "cli/manifest_files.h"
#include "cli/surroundings.h"
#include "cli/usage.h"
#include "cli/validators.h"
#include "kube/workloads.h"
#include "server/live_config.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter =
    R"(Changes nothing. For a pod that exists it says what it is, and what would become of it if it
were created again as it is; for a workload what becomes of the pods it makes, and what those are
that it has. `acts` says which of both installations would act, the webhook (`called`) or the
policy: both, or neither.

  explain -n retool deploy/retool-code-executor
  explain --all                       each code-executor pod of the cluster; exit code 1 where one
                                      is in a state of --fail-on
  explain -f deployment.yaml          without a cluster
  kubectl get pods,nodes,ns,mutatingwebhookconfigurations -A -o yaml | explain --all -f -
                                      with mutatingadmissionpolicies and their bindings from 1.36

States: sandboxed; stale_profile: of another release or configuration; without_user_namespace: the
API server took hostUsers away; on_bad_node: sandboxed, on a node that is known not to run it;
privileged; missed: neither webhook nor policy acted, or they were others; unchanged: left alone,
and not privileged.)";

struct ExplainFlags {
  CommonFlags common;
  std::vector<std::string> names;
  std::vector<std::string> files;
  std::string ns;
  bool all = false;
  std::string fail_on = "stale_profile,without_user_namespace,on_bad_node,privileged,missed";
  std::string output = "text";
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// As kubectl finds it: --kubeconfig, KUBECONFIG, ~/.kube/config, or the cluster that this is in.
KubeClient connect(const std::string& kubeconfig) {
  if (!kubeconfig.empty()) return KubeClient::from_kubeconfig(kubeconfig);
  if (environment("KUBECONFIG").empty()) {
    const fs::path own = fs::path(environment("HOME")) / ".kube" / "config";
    std::error_code ignored;
    if (!environment("HOME").empty() && fs::exists(own, ignored)) {
      return KubeClient::from_kubeconfig(own);
    }
    if (environment("KUBERNETES_SERVICE_HOST").empty()) {
      throw std::runtime_error(
          "no API server to ask (expected --kubeconfig FILE, KUBECONFIG, ~/.kube/config, or to run "
          "in a cluster; -f FILE needs none)");
    }
  }
  return KubeClient::connect(std::nullopt);
}

/// Which an API server leaves out where it is asked to, and `kubectl get pods` does not.
bool has_ended(const Document& pod) {
  const std::string phase = string_at(pod, "/status/phase");
  return phase == "Succeeded" || phase == "Failed";
}

void check_usage(const ExplainFlags& flags) {
  const bool has_names = !flags.names.empty();
  if (!has_names && flags.files.empty() && !flags.all) {
    throw UsageError("explain: nothing to explain (expected TYPE/NAME, -f FILE or --all)");
  }
  if (has_names && (flags.all || !flags.files.empty())) {
    throw UsageError("explain: a name beside " + std::string(flags.all ? "--all" : "--filename") +
                     " (expected one of them)");
  }
}

/// All that a run needs, in the order in which it comes to be.
class Run {
 public:
  explicit Run(const ExplainFlags& flags)
      : flags_(flags),
        names_(parse_object_names(flags.names)),
        config_(value_or_throw(make_config(flags.common))),
        client_(connect_if_asked()),
        version_(version()),
        surroundings_(config_.server.tls.managed.webhook_configuration_name,
                      client_ ? &*client_ : nullptr, own_version(), config_.cluster.node_awareness),
        explainer_(value_or_throw(make_sandbox_of(config_)), {.version = version_}, surroundings_) {
    print_config_warnings(config_);
  }

  void explain_all() {
    std::vector<Explained> pods;
    const auto add = [&](Document& document) {
      for_each_pod(document, [&](const PodPlace& place) {
        if (place.kind != "Pod" || has_ended(*place.object)) return;
        Explained pod = explainer_.explain(place, ns());
        const bool is_asked_for = flags_.ns.empty() || pod.ns == flags_.ns;
        if (pod.has_target && pod.state && is_asked_for) pods.push_back(std::move(pod));
      });
    };
    if (flags_.files.empty()) {
      const auto failed = for_each_running_pod(*client_, flags_.ns, add);
      if (failed) throw std::runtime_error(failed->message);
    } else {
      for (Document& document : read_files()) add(document);
    }
    print_problems();
    print_all(pods, split_at_commas(flags_.fail_on), flags_.output == "json");
  }

  void explain_objects() {
    std::vector<Explained> explained;
    std::vector<std::string> failures;
    for (const ObjectName& name : names_) {
      try {
        for (Explained& each : explain_named(*client_, name, ns(), explainer_)) {
          explained.push_back(std::move(each));
        }
      } catch (const std::runtime_error& error) {  // of this one: the others are explained
        failures.emplace_back(error.what());
      }
    }
    for (Document& document : read_files()) {
      for_each_pod(document, [&](const PodPlace& place) {
        explained.push_back(explainer_.explain(place, ns()));
      });
    }
    if (names_.empty() && explained.empty()) {
      failures.push_back(flags_.files.front() +
                         ": no pod and no workload (expected a manifest with one)");
    }
    print_problems();
    print_objects(explained);
    std::cout.flush();
    for (std::size_t i = 0; i + 1 < failures.size(); ++i) std::cerr << failures[i] << '\n';
    if (!failures.empty()) throw std::runtime_error(failures.back());
  }

 private:
  std::optional<KubeClient> connect_if_asked() {
    const bool is_asked = flags_.files.empty() || !flags_.common.kubeconfig.empty();
    return is_asked ? std::optional(connect(flags_.common.kubeconfig)) : std::nullopt;
  }

  KubeVersion version() {
    const bool is_fixed = !config_.cluster.kube_version.empty();
    return is_fixed || !client_ ? offline_version(config_, flags_.common) : version_of(*client_);
  }

  /// One that the configuration fixes is the decision's, and need not be the cluster's.
  [[nodiscard]] std::optional<KubeVersion> own_version() const {
    const bool is_fixed = !config_.cluster.kube_version.empty();
    return is_fixed && client_ ? std::nullopt : std::optional(version_);
  }

  std::string ns() {
    if (!flags_.ns.empty()) return flags_.ns;
    return client_ ? client_->own_namespace() : "default";
  }

  /// The documents of --filename, of which the surroundings learn first.
  std::vector<Document> read_files() {
    std::vector<Document> documents;
    for (const std::string& file : flags_.files) {
      const std::string text = read_input(file);
      std::vector<Document> objects = parse_objects(text, file);
      if (objects.empty()) throw std::runtime_error(to_emptiness(file, text, false));
      for (Document& document : objects) {
        surroundings_.add(document);
        documents.push_back(std::move(document));
      }
    }
    return documents;
  }

  void print_problems() {
    for (const std::string& problem : surroundings_.problems()) {
      std::cerr << "warning: " << problem << '\n';
    }
  }

  void print_objects(const std::vector<Explained>& explained) {
    if (flags_.output == "json") {
      Document list = {{"objects", Document::array()}};
      for (const Explained& each : explained) list["objects"].push_back(to_json(each));
      std::cout << list.dump(2) << '\n';
      return;
    }
    for (const Explained& each : explained) print(each);
  }

  const ExplainFlags& flags_;
  const std::vector<ObjectName> names_;
  const Config config_;
  const std::optional<KubeClient> client_;
  const KubeVersion version_;
  Surroundings surroundings_;
  Explainer explainer_;
};

void run(const ExplainFlags& flags) {
  check_usage(flags);
  Run run(flags);
  flags.all ? run.explain_all() : run.explain_objects();
}

}  // namespace

void add_explain(CLI::App& app) {
  auto* command = app.add_subcommand(
      "explain", "Explain what becomes of a pod, a workload or a manifest, and why");
  command->footer(kFooter);
  const auto flags = std::make_shared<ExplainFlags>();
  command->add_option("OBJECT", flags->names,
                      "TYPE/NAME of a pod or a workload that exists, such as deploy/NAME; or TYPE "
                      "NAME ...");
  command
      ->add_option("-f,--filename", flags->files,
                   "Manifest (YAML or JSON) instead; - is standard input; may be repeated")
      ->type_name("FILE")
      ->check(CLI::Validator(refuse_url, ""))
      ->allow_extra_args(false);
  command->add_flag("--all", flags->all,
                    "Each code-executor pod of the cluster, or of --namespace, that has not ended");
  auto* ns = command->add_option("-n,--namespace", flags->ns,
                                 "Namespace of what is named, and of objects that name none");
  expect_namespace(*ns->type_name("NS"));
  auto* fail_on = command->add_option("--fail-on", flags->fail_on,
                                      "With --all: states of pods for which the exit code is 1");
  std::vector<std::string> states;
  states.reserve(kAllPodStates.size());
  for (const PodState state : kAllPodStates) states.emplace_back(to_string(state));
  expect_some_of(*fail_on->type_name("STATES")->capture_default_str(), states);
  auto* output =
      command->add_option("-o,--output", flags->output,
                          "text: for people, tabs between columns where they are piped; json");
  expect_one_of(*output->type_name("FORMAT")->capture_default_str(), {"text", "json"});
  add_config_flags(*command, flags->common);
  add_version_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook
