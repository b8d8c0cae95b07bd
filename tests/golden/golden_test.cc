// Each folder of cases/ is one case: review.json and config.yaml in, want.json out. cluster.json
// says of the cluster what the configuration cannot. The pods of release_0_1_0/ are what that
// release made of the cases that it had.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include <doctest/doctest.h>

#include "base/value_or_throw.h"
#include "server/config.h"
#include "support/invariants.h"
#include "support/nodes.h"
#include "support/reviews.h"

namespace webhook {

extern const std::string_view kInstallSeccompScript;

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error(file.string() + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<fs::path> all_cases() {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(GOLDEN_CASES)) cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  return cases;
}

/// The script makes golden files hard to read; it is in src/admission for all to see.
constexpr std::string_view kScriptStandIn = "<install_seccomp.sh>";

Json replace_text(Json value, std::string_view text, std::string_view with) {
  if (value == text) return with;
  if (value.is_structured()) {
    for (Json& element : value) element = replace_text(element, text, with);
  }
  return value;
}

/// The answer as it was sent, decoded.
Json as_golden(const Reviewed& reviewed) {
  const Json response = Json::parse(reviewed.wire).at("response");
  const std::string patch = from_base64(response.value("patch", ""));
  return {{"outcome", response.at("auditAnnotations").at("outcome")},
          {"reason", response.at("auditAnnotations").at("reason")},
          {"allowed", response.at("allowed")},
          {"message", response.value(Json::json_pointer("/status/message"), "")},
          {"warnings", response.value("warnings", Json::array())},
          {"patch", patch.empty()
                        ? Json::array()
                        : replace_text(Json::parse(patch), kInstallSeccompScript, kScriptStandIn)}};
}

Sandbox sandbox_of(const Config& config) {
  Policy policy = config.policy;
  policy.profile = small_policy().profile;
  return make_sandbox(policy);
}

ClusterState cluster_of(const Config& config) {
  const auto version = parse_kube_version(config.cluster.kube_version);
  REQUIRE_MESSAGE(version, "config.yaml: cluster.kubeVersion is missing (expected a version)");
  return {.version = *version};
}

Reviewed review_case(const fs::path& dir, PatchLog& log) {
  const Config config = value_or_throw(load_config((dir / "config.yaml").string()));
  ClusterState cluster = cluster_of(config);
  if (fs::exists(dir / "cluster.json")) {
    const Json state = Json::parse(read(dir / "cluster.json"));
    if (state.contains("nodes")) {
      cluster.nodes = snapshot_of(state.at("nodes").get<std::vector<Json>>());
    }
    cluster.drops_sandbox = state.value("dropsSandbox", false);
    cluster.api_servers_differ = state.value("apiServersDiffer", false);
  }
  const Json review =
      replace_text(Json::parse(read(dir / "review.json")), kScriptStandIn, kInstallSeccompScript);
  return check_review(dir.filename().string(), review, sandbox_of(config), cluster, log);
}

TEST_CASE("reviews match the golden files") {
  const bool refresh = std::getenv("REFRESH_GOLDEN") != nullptr;
  PatchLog log(fs::path(PATCH_LOGS) / "golden.jsonl");
  std::set<std::string> words;
  for (const fs::path& dir : all_cases()) {
    CAPTURE(dir.filename().string());
    const Json golden = as_golden(review_case(dir, log));
    words.insert({golden["outcome"], golden["reason"]});
    const std::string got = golden.dump(2) + '\n';
    if (refresh) std::ofstream(dir / "want.json") << got;
    CHECK_MESSAGE(fs::exists(dir / "want.json"), "missing: run with REFRESH_GOLDEN=1 to write it");
    if (fs::exists(dir / "want.json")) CHECK(read(dir / "want.json") == got);
  }
  for (const Outcome outcome : kAllOutcomes) {
    CHECK_MESSAGE(words.count(std::string(to_string(outcome))) == 1, to_string(outcome));
  }
  for (const Reason reason : kAllReasons) {
    CHECK_MESSAGE(words.count(std::string(to_string(reason))) == 1, to_string(reason));
  }
}

TEST_CASE("a case has its files, and none left over") {
  for (const fs::path& dir : all_cases()) {
    CAPTURE(dir.filename().string());
    REQUIRE(fs::is_directory(dir));
    std::set<std::string> names;
    for (const auto& file : fs::directory_iterator(dir)) names.insert(file.path().filename());
    names.erase("cluster.json");
    CHECK(names == std::set<std::string>{"config.yaml", "review.json", "want.json"});
  }
}

/// A line of release_0_1_0/pods.jsonl, with its script in its place.
struct OldCase {
  Json line;
  Sandbox sandbox;
  ClusterState cluster;
};

std::vector<OldCase> old_cases() {
  const fs::path dir = fs::path(GOLDEN_CASES).parent_path() / "release_0_1_0";
  const std::string script = read(dir / "install_seccomp.sh");
  std::istringstream lines(read(dir / "pods.jsonl"));
  std::vector<OldCase> cases;
  for (std::string line; std::getline(lines, line);) {
    const Json old = replace_text(Json::parse(line), "<install_seccomp.sh of 0.1.0>", script);
    const Config config =
        value_or_throw(parse_config(old.at("config").get<std::string>(), "config.yaml"));
    cases.push_back({old, sandbox_of(config), cluster_of(config)});
  }
  return cases;
}

TEST_CASE("a pod that release 0.1.0 sandboxed comes out as the pod it was made from does") {
  PatchLog log(fs::path(PATCH_LOGS) / "release_0_1_0.jsonl");
  std::size_t sandboxed = 0;
  for (const auto& [old, sandbox, cluster] : old_cases()) {
    if (old.at("outcome") != "sandboxed") continue;
    const std::string name = old.at("case");
    CAPTURE(name);
    const Json& before = old.at("pod");
    const Json& sandboxed_then = old.at("result");
    const Reviewed again = check_review(name, to_review(sandboxed_then), sandbox, cluster, log);
    CHECK(to_string(again.outcome) == "sandboxed");
    const Reviewed fresh = check_review(name, to_review(before), sandbox, cluster, log);
    // What 0.1.0 left half done is somebody's now: see CHANGELOG.
    if (fresh.outcome == Outcome::kDenied) continue;
    CHECK(sandboxed_then.patch(to_operations(again.patch)) ==
          before.patch(to_operations(fresh.patch)));
    ++sandboxed;
  }
  CHECK(sandboxed >= 50);
}

TEST_CASE("a pod that release 0.1.0 left alone is not made privileged, and seldom denied") {
  PatchLog log(fs::path(PATCH_LOGS) / "release_0_1_0_left.jsonl");
  // Row 6, and pods that insist: what CHANGELOG says to look for before an upgrade.
  std::set<std::string> denied;
  for (const auto& [old, sandbox, cluster] : old_cases()) {
    if (old.at("outcome") != "unchanged") continue;
    const Reviewed now =
        check_review(old.at("case"), to_review(old.at("pod")), sandbox, cluster, log);
    CHECK(to_string(now.outcome) != "privileged");
    if (now.outcome == Outcome::kDenied) denied.insert(old.at("case"));
  }
  CHECK(denied == std::set<std::string>{"row06-already-sandboxed-on-old-cluster",
                                        "row08-explicit-label-sandbox"});
}

}  // namespace
}  // namespace webhook
