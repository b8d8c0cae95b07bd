#include "kube/cluster_version.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include "support/log_capture.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;

constexpr const char* k133 = R"({"major":"1","minor":"33","gitVersion":"v1.33.5-gke.1"})";
constexpr const char* k134 = R"({"major":"1","minor":"34","gitVersion":"v1.34.1"})";

TEST_CASE("a fixed version is known from the start, and never ages") {
  ClusterVersionSource source(ClusterVersion{{1, 34}, "v1.34.3"});
  source.start();
  CHECK((source.current() == ClusterVersion{{1, 34}, "v1.34.3"}));
  CHECK((source.age() == std::chrono::duration<double>(0)));
}

TEST_CASE("no answer, no version") {
  const LogCapture log;
  ClusterVersionSource source([](const std::stop_token&) { return Error{"refused"}; }, {});
  CHECK_FALSE(source.current().has_value());
  CHECK_FALSE(source.age().has_value());
  (void)source.refresh();
  CHECK_FALSE(source.current().has_value());
  CHECK_FALSE(source.age().has_value());
}

TEST_CASE("until the first answer the delay doubles, up to the interval") {
  const LogCapture log;
  Result<std::string> answer = Error{"refused"};
  ClusterVersionSource source([&](const std::stop_token&) { return answer; },
                              {.refresh_interval = 10s});
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 6; ++i) delays.push_back(source.refresh());
  CHECK((delays == std::vector<std::chrono::milliseconds>{1s, 2s, 4s, 8s, 10s, 10s}));

  answer = std::string(k133);
  CHECK((source.refresh() == 10s));
  answer = Error{"refused"};  // known now: no hurry
  CHECK((source.refresh() == 10s));
  CHECK(log.text() ==
        "warning cluster version: refused (not known yet)\n"
        "info cluster version: 1.33 (\"v1.33.5-gke.1\")\n"
        "info cluster version: the API server answers again\n"
        "warning cluster version: refused (keeping 1.33)\n");
}

TEST_CASE("an interval below the first retry is the delay") {
  const LogCapture log;
  ClusterVersionSource source([](const std::stop_token&) { return Error{"refused"}; },
                              {.refresh_interval = 200ms});
  CHECK((source.refresh() == 200ms));
  CHECK((source.refresh() == 200ms));
}

TEST_CASE("the last good answer stays while the API server is away, and its age grows") {
  const LogCapture log;
  Result<std::string> answer = std::string(k133);
  ClusterVersionSource::Clock::time_point now;
  std::vector<std::string> changes;
  ClusterVersionSource source(
      [&](const std::stop_token&) { return answer; },
      {.now = [&] { return now; },
       .on_change =
           [&](const ClusterVersion& version) { changes.push_back(version.git_version); }});
  (void)source.refresh();
  CHECK((source.age() == std::chrono::duration<double>(0)));

  for (const Result<std::string>& failure :
       {Result<std::string>(Error{"timed out"}), Result<std::string>(std::string("nonsense")),
        Result<std::string>(Error{"status 500"})}) {
    answer = failure;
    now += 60s;
    (void)source.refresh();
    CHECK((source.current()->version == KubeVersion{1, 33}));
  }
  CHECK((source.age() == std::chrono::duration<double>(180)));

  answer = std::string(k134);
  (void)source.refresh();
  (void)source.refresh();
  CHECK((source.current()->version == KubeVersion{1, 34}));
  CHECK((source.age() == std::chrono::duration<double>(0)));
  CHECK((changes == std::vector<std::string>{"v1.33.5-gke.1", "v1.34.1"}));
  // One warning for the outage, whatever reasons followed; one line when it is over.
  CHECK(log.text() ==
        "info cluster version: 1.33 (\"v1.33.5-gke.1\")\n"
        "warning cluster version: timed out (keeping 1.33)\n"
        "info cluster version: 1.34 (\"v1.34.1\")\n"
        "info cluster version: the API server answers again\n");
}

TEST_CASE("what the API server says cannot forge a log line") {
  const LogCapture log;
  ClusterVersionSource source(
      [](const std::stop_token&) -> Result<std::string> {
        return std::string(R"({"major":"1","minor":"33","gitVersion":"v1\nfatal"})");
      },
      {});
  (void)source.refresh();
  CHECK(log.text() == "info cluster version: 1.33 (\"v1\\nfatal\")\n");
}

TEST_CASE("start() asks by itself, again and again") {
  const LogCapture log;
  std::atomic<int> asked = 0;
  std::promise<void> asked_thrice;
  ClusterVersionSource source(
      [&](const std::stop_token&) -> Result<std::string> {
        if (++asked == 3) asked_thrice.set_value();
        return std::string(k133);
      },
      {.refresh_interval = 1ms});
  source.start();
  CHECK((asked_thrice.get_future().wait_for(30s) == std::future_status::ready));
}

TEST_CASE("the end does not wait for the interval") {
  const LogCapture log;
  std::promise<void> asked;
  const auto begin = ClusterVersionSource::Clock::now();
  {
    ClusterVersionSource source(
        [&](const std::stop_token&) -> Result<std::string> {
          asked.set_value();
          return std::string(k133);
        },
        {.refresh_interval = 1h});
    source.start();
    asked.get_future().wait();
  }
  CHECK((ClusterVersionSource::Clock::now() - begin < 30s));
}

TEST_CASE("a call that a stop has cut says nothing of the API server") {
  const LogCapture log;
  ClusterVersionSource source([](const std::stop_token&) { return Error{"stopped"}; }, {});
  std::stop_source stop;
  stop.request_stop();
  (void)source.refresh(stop.get_token());
  CHECK(log.text().empty());
}

}  // namespace
}  // namespace webhook
