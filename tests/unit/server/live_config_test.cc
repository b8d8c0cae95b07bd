#include "server/live_config.h"

#include <doctest/doctest.h>

#include "support/log_capture.h"
#include "support/temporary_directory.h"

namespace webhook {
namespace {

/// A configuration that a test can change, or spoil, while it is in use.
struct Live {
  Config config;
  std::string problem;  ///< Set: why it cannot be read.
  LogCapture log;
  Metrics metrics{"1.2.3"};
  LiveConfig live{[this]() -> Result<Config> {
                    if (!problem.empty()) return Error{problem};
                    return config;
                  },
                  metrics};

  [[nodiscard]] bool has_counted(const std::string& result, int times) const {
    return metrics.to_text({}).find("config_reloads_total{result=\"" + result + "\"} " +
                                    std::to_string(times) + '\n') != std::string::npos;
  }
};

TEST_CASE("a reload that finds nothing new changes nothing") {
  Live it;
  const auto before = it.live.sandbox();
  it.live.reload();
  CHECK(it.live.sandbox() == before);
  CHECK(it.has_counted("success", 0));
  CHECK(it.log.text().empty());
}

TEST_CASE("what a review needs is replaced, and whoever holds the old one keeps it") {
  Live it;
  const auto before = it.live.sandbox();
  it.config.policy.container_name = "executor";
  it.live.reload();
  CHECK(before->policy.container_name == "code-executor");
  CHECK(it.live.sandbox()->policy.container_name == "executor");
  CHECK(it.live.at_start().policy.container_name == "code-executor");
  CHECK(it.has_counted("success", 1));
  CHECK(it.log.text() == "info configuration: in use from now on\n");
}

TEST_CASE("a changed profile counts, though its file's name is the same") {
  const TemporaryDirectory directory;
  Live it;
  it.config.profile_file = directory.write("profile.json", it.live.sandbox()->policy.profile.bytes);
  it.live.reload();
  const auto before = it.live.sandbox();
  (void)directory.write("profile.json", before->policy.profile.bytes + ' ');
  it.live.reload();
  CHECK(it.live.sandbox()->policy.profile.sha256 != before->policy.profile.sha256);
  CHECK(it.has_counted("success", 2));
}

TEST_CASE("a bad configuration leaves the last good one, and is logged and counted while new") {
  Live it;
  const auto before = it.live.sandbox();
  it.problem = "config.yaml: a mistake";
  it.live.reload();
  it.live.reload();
  CHECK(it.live.sandbox() == before);
  CHECK(it.has_counted("failure", 1));
  CHECK(it.log.text() ==
        "warning configuration: the last good one stays: config.yaml: a mistake\n");
  it.problem = "config.yaml: another";
  it.live.reload();
  CHECK(it.has_counted("failure", 2));
}

TEST_CASE("a mistake that was mended is news, though nothing else changed") {
  Live it;
  it.problem = "config.yaml: a mistake";
  it.live.reload();
  it.problem.clear();
  it.live.reload();
  CHECK(it.has_counted("success", 1));
}

TEST_CASE("what waits for a restart says so") {
  Live it;
  it.config.server.listen = "127.0.0.1:0";
  it.live.reload();
  CHECK(it.log.text() ==
        "warning configuration: changes to cluster, server and log.format wait for a restart\n"
        "info configuration: in use from now on\n");
}

}  // namespace
}  // namespace webhook
