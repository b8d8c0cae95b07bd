#include <algorithm>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "admission/admission.h"
#include "base/text.h"
#include "base/value_or_throw.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/diff.h"
#include "cli/manifest_files.h"
#include "cli/nodes.h"
#include "cli/tally.h"
#include "cli/terminal.h"
#include "cli/validators.h"
#include "kube/client.h"
#include "server/live_config.h"
#include "yaml/manifest.h"

namespace webhook {
namespace {

struct MutateFlags {
  CommonFlags common;
  std::vector<std::string> files;
  std::string ns = "default";
  std::string output = "yaml";
  bool is_recursive = false;
  std::vector<std::string> fail_on;
};

constexpr std::size_t kMaxKind = 63;

std::string name_of(const PodPlace& place, const std::string& default_ns) {
  constexpr std::size_t kMaxName = 600;  // a kind and two names of DNS, and what joins them
  const std::string& ns = place.ns.empty() ? default_ns : place.ns;
  return to_printable(place.kind + ' ' + ns + '/' + place.name, kMaxName);
}

/// The review that the API server would send for the pod at `place`.
Document to_review(const Document& pod, const PodPlace& place, const std::string& default_ns) {
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "mutate"},
            {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
            {"operation", "CREATE"},
            {"namespace", place.ns.empty() ? default_ns : place.ns},
            {"object", pod}}}};
}

/// Copies the members that a pod and a template both have.
void copy_members(const Document& from, Document& to) {
  for (const char* member : {"metadata", "spec"}) {
    if (from.contains(member)) to[member] = from[member];
  }
}

class Mutator {
 public:
  explicit Mutator(const MutateFlags& flags) : flags_(flags) {
    const Config config = value_or_throw(make_config(flags.common));
    print_config_warnings(config);
    sandbox_ = value_or_throw(make_sandbox_of(config));
    cluster_ = {.version = offline_version(config, flags.common)};
    if (!flags.common.kubeconfig.empty() && config.cluster.node_awareness) {
      cluster_.nodes = list_nodes(KubeClient::from_kubeconfig(flags.common.kubeconfig));
    }
  }

  /// Mutates the pods of `document`, and reports the outcome of each on stderr. Throws
  /// std::runtime_error for a pod that cannot be read.
  void mutate(Document& document, const std::string& file) {
    for (const std::string& kind : kinds_in(document)) {
      tally_.add_object(to_printable(kind, kMaxKind));
    }
    for_each_pod(document, [&](const PodPlace& place) { mutate_pod(place, file); });
  }

  [[nodiscard]] const std::vector<Document>& patches() const { return patches_; }
  [[nodiscard]] const std::vector<std::string>& denied() const { return denied_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  void mutate_pod(const PodPlace& place, const std::string& file) {
    Document& pod_template = place.object->at(place.template_at);
    Document pod = {{"apiVersion", "v1"}, {"kind", "Pod"}};
    copy_members(pod_template, pod);
    const std::string name = name_of(place, flags_.ns);
    const auto reviewed =
        review(parser_, to_review(pod, place, flags_.ns).dump(), *sandbox_, cluster_);
    if (!reviewed) {
      throw std::runtime_error(file + ": " + name + ": " + reviewed.error().message);
    }
    tally_.add_pod(name, reviewed->outcome, reviewed->reason);
    std::cerr << name << ": " << to_string(reviewed->outcome) << " (" << to_string(reviewed->reason)
              << ")\n";
    for (const std::string& warning : reviewed->warnings) {
      std::cerr << "  warning: " << warning << '\n';
    }
    if (reviewed->outcome == Outcome::kDenied) {
      denied_.push_back(file + ": " + name + ": " + reviewed->message);
    }
    if (reviewed->patch.empty()) return;
    Document patch = Document::parse(reviewed->patch.to_json());
    pod = pod.patch(patch);
    copy_members(pod, pod_template);
    for (Document& operation : patch) {
      operation["path"] = place.template_at.to_string() + operation["path"].get<std::string>();
    }
    patches_.push_back(std::move(patch));
  }

  const MutateFlags& flags_;
  std::shared_ptr<const Sandbox> sandbox_;
  ClusterState cluster_;
  JsonParser parser_;
  std::vector<Document> patches_;
  std::vector<std::string> denied_;
  Tally tally_;
};

void print(const std::vector<Document>& documents, const std::string& output) {
  bool is_first = true;
  for (const Document& document : documents) {
    if (output == "json") {
      std::cout << to_json(document);
    } else {
      std::cout << (is_first ? "" : "---\n") << to_yaml(document);
    }
    is_first = false;
  }
}

/// Ends with what was read and decided, on stderr. Throws std::runtime_error, before anything is
/// printed, where there was nothing to read, where the API server would refuse a part of it, and
/// where --fail-on says so: what follows in a pipe gets nothing then.
void conclude(const Mutator& mutator, const std::vector<std::string>& empty,
              const std::vector<std::string>& fail_on) {
  if (!mutator.tally().has_objects()) throw std::runtime_error(empty.front());
  for (const std::string& words : empty) std::cerr << "warning: " << words << '\n';
  std::cerr << mutator.tally().to_line() << '\n';
  if (const auto& denied = mutator.denied(); !denied.empty()) {
    const std::string more = " (and " + std::to_string(denied.size() - 1) + " more)";
    throw std::runtime_error(denied.front() + (denied.size() > 1 ? more : ""));
  }
  const std::string found = mutator.tally().find(fail_on);
  if (!found.empty()) throw std::runtime_error("--fail-on: " + found);
}

void run(const MutateFlags& flags) {
  const std::vector<std::string> files = find_manifests(flags.files, flags.is_recursive);
  Mutator mutator(flags);
  std::vector<Document> before;
  std::vector<Document> after;
  std::vector<std::string> empty;
  for (const std::string& file : files) {
    const std::string text = read_input(file);
    std::vector<Document> objects = parse_objects(text, file);
    const bool has_objects = std::any_of(objects.begin(), objects.end(), [](const Document& each) {
      return !kinds_in(each).empty();  // as a List without items has none
    });
    if (!has_objects) empty.push_back(to_emptiness(file, text, !objects.empty()));
    for (Document& document : objects) {
      before.push_back(document);
      mutator.mutate(document, file);
      after.push_back(std::move(document));
    }
  }
  conclude(mutator, empty, flags.fail_on);
  if (flags.output == "patch") {
    for (const Document& patch : mutator.patches()) std::cout << patch.dump() << '\n';
  } else if (flags.output == "diff") {
    for (std::size_t i = 0; i < after.size(); ++i) {
      std::cout << to_diff(to_yaml(before[i]), to_yaml(after[i]),
                           "document " + std::to_string(i + 1), wants_colour());
    }
  } else {
    print(after, flags.output);
  }
}

}  // namespace

void add_mutate(CLI::App& app) {
  auto* command = app.add_subcommand(
      "mutate", "Mutate the pods in manifests, offline: what `helm template` or kubectl prints");
  const auto flags = std::make_shared<MutateFlags>();
  command
      ->add_option("-f,--filename", flags->files,
                   "Manifest (YAML or JSON), or a folder of them with -R; - is standard input; may "
                   "be given several times")
      ->type_name("FILE")
      ->check(CLI::Validator(refuse_url, ""))
      ->required();
  command->add_flag("-R,--recursive", flags->is_recursive,
                    "Read all *.yaml, *.yml and *.json below the folders that -f names");
  auto* ns =
      command->add_option("-n,--namespace", flags->ns, "Namespace of objects that name none");
  expect_namespace(*ns->type_name("NS")->capture_default_str());
  command
      ->add_option("-o,--output", flags->output,
                   "yaml or json: the manifests; patch: a JSON patch per object and line; diff")
      ->check(CLI::IsMember({"yaml", "json", "patch", "diff"}))
      ->capture_default_str();
  command
      ->add_option("--fail-on", flags->fail_on,
                   "Print nothing and exit with 1 where a pod comes out so: sandboxed, unchanged, "
                   "privileged or denied, several with commas between them")
      ->type_name("OUTCOME,...")
      ->delimiter(',')
      ->check(CLI::IsMember({"sandboxed", "unchanged", "privileged", "denied"}));
  add_config_flags(*command, flags->common);
  add_version_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook
