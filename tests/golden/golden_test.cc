// Each folder of cases/ is one case: review.json and config.yaml in, want.json out. cluster.json,
// in cases of node checks, says what the configuration cannot.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include <doctest/doctest.h>

#include "server/config.h"
#include "support/invariants.h"
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

/// The script makes golden files hard to read; it is in src/core/install_seccomp.sh for all to see.
Json without_script(Json value) {
  if (value == kInstallSeccompScript) return "<install_seccomp.sh>";
  if (value.is_structured()) {
    for (Json& element : value) element = without_script(element);
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
          {"patch", patch.empty() ? Json::array() : without_script(Json::parse(patch))}};
}

Reviewed review_case(const fs::path& dir, PatchLog& log) {
  const Config config = load_config((dir / "config.yaml").string());
  Policy policy = config.policy;
  policy.profile = small_policy().profile;
  const auto version = parse_kube_version(config.cluster.kube_version);
  REQUIRE_MESSAGE(version, "config.yaml: cluster.kubeVersion is missing (expected a version)");
  ClusterState cluster{.version = *version};
  if (fs::exists(dir / "cluster.json")) {
    cluster.has_capable_node = Json::parse(read(dir / "cluster.json")).at("hasCapableNode");
  }
  return check_review(dir.filename().string(), Json::parse(read(dir / "review.json")),
                      make_sandbox(policy), cluster, log);
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

}  // namespace
}  // namespace webhook
