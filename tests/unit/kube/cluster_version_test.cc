#include "kube/cluster_version.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <string>
#include <vector>

namespace webhook {
namespace {

using namespace std::chrono_literals;

using Answer = Result<ApiServerAnswer>;

ApiServerAnswer answer_of(int minor, std::optional<bool> drops = {}) {
  return {.version = {{1, minor}, "v1." + std::to_string(minor) + ".0"}, .drops = drops};
}

/// What is logged, as "level text" lines.
class Log {
 public:
  [[nodiscard]] std::function<void(bool, const std::string&)> sink() {
    return [this](bool is_warning, const std::string& line) {
      text_ += (is_warning ? "warning " : "info ") + line + '\n';
    };
  }
  /// Since the last call.
  [[nodiscard]] std::string take() { return std::exchange(text_, {}); }

 private:
  std::string text_;
};

TEST_CASE("a fixed version is known from the start, and never ages") {
  ClusterVersionSource source(ClusterVersion{{1, 34}, "v1.34.3"});
  source.start();
  CHECK((source.current() == ClusterVersion{{1, 34}, "v1.34.3"}));
  CHECK((source.age() == std::chrono::duration<double>(0)));
}

TEST_CASE("no answer, no version") {
  ClusterVersionSource source([](const std::stop_token&) { return Error{"refused"}; }, {});
  CHECK_FALSE(source.current().has_value());
  CHECK_FALSE(source.age().has_value());
  (void)source.refresh();
  CHECK_FALSE(source.current().has_value());
  CHECK_FALSE(source.age().has_value());
  CHECK(source.differences().empty());
}

TEST_CASE("until the first answer the delay doubles, up to the interval") {
  Log log;
  Answer answer = Error{"refused"};
  ClusterVersionSource source([&](const std::stop_token&) { return answer; },
                              {.refresh_interval = 10s, .on_log = log.sink()});
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 6; ++i) delays.push_back(source.refresh());
  CHECK((delays == std::vector<std::chrono::milliseconds>{1s, 2s, 4s, 8s, 10s, 10s}));

  answer = answer_of(33);
  CHECK((source.refresh() == 10s));
  answer = Error{"refused"};  // known now: no hurry
  CHECK((source.refresh() == 10s));
  CHECK(log.take() ==
        "warning cluster version: refused (not known yet)\n"
        "info cluster version: 1.33 (\"v1.33.0\")\n"
        "info cluster version: the API server answers again\n"
        "warning cluster version: refused (keeping 1.33)\n");
}

TEST_CASE("an interval below the first retry is the delay") {
  ClusterVersionSource source([](const std::stop_token&) { return Error{"refused"}; },
                              {.refresh_interval = 200ms});
  CHECK((source.refresh() == 200ms));
  CHECK((source.refresh() == 200ms));
}

/// A source of answers in order, over and over, by a clock of its own.
struct Scripted {
  Log log;
  std::vector<Answer> script;
  int asked = 0;
  ClusterVersionSource::Clock::time_point now{};
  KubeVersion minimum{1, 33};
  ClusterVersionSource source{
      [this](const std::stop_token&) {
        return script[static_cast<std::size_t>(asked++) % script.size()];
      },
      {.now = [this] { return now; }, .minimum = [this] { return minimum; }, .on_log = log.sink()}};

  explicit Scripted(std::vector<Answer> answers) : script(std::move(answers)) {}

  /// Asks once a minute for so many minutes.
  void pass(int minutes) {
    for (int i = 0; i < minutes; ++i) {
      now += 60s;
      (void)source.refresh();
    }
  }
};

TEST_CASE("ten answers come before any counts, and one a minute after") {
  Scripted api({answer_of(34)});
  CHECK((api.source.refresh() == 60s));
  CHECK(api.asked == 10);
  CHECK((api.source.current() == ClusterVersion{{1, 34}, "v1.34.0"}));
  api.pass(30);
  CHECK(api.asked == 40);
}

TEST_CASE("an API server that goes away among the first ten answers is waited for, without haste") {
  Scripted api({answer_of(34), answer_of(34), answer_of(34), Error{"refused"}});
  CHECK((api.source.refresh() == 1s));
  CHECK((api.source.refresh() == 1s));
  CHECK_FALSE(api.source.current().has_value());
  CHECK((api.source.refresh() == 1s));
  CHECK((api.source.refresh() == 60s));  // three, three, three and one
  CHECK(api.source.current().has_value());
  CHECK(api.log.take() ==
        "warning cluster version: refused (not known yet)\n"
        "info cluster version: 1.34 (\"v1.34.0\")\n"
        "info cluster version: the API server answers again\n");
}

TEST_CASE("answers that take longer than their window are enough all the same") {
  Scripted api({answer_of(34)});
  ClusterVersionSource slow(
      [&](const std::stop_token&) {
        api.now += 5s;
        return answer_of(34);
      },
      {.refresh_interval = 1s, .now = [&] { return api.now; }});
  CHECK((slow.refresh() == 1s));
  CHECK(slow.current().has_value());
}

TEST_CASE("the last good answers stay while the API server is away, and their age grows") {
  Scripted api({answer_of(33)});
  (void)api.source.refresh();
  CHECK((api.source.age() == std::chrono::duration<double>(0)));

  for (const char* failure : {"timed out", "status 500"}) {
    api.script = {Error{failure}};
    api.pass(10);
    CHECK((api.source.current()->version == KubeVersion{1, 33}));
  }
  CHECK((api.source.age() == std::chrono::duration<double>(1200)));

  // After so long nothing of before counts: ten answers again.
  api.script = {answer_of(34)};
  api.asked = 0;
  api.pass(1);
  CHECK(api.asked == 10);
  CHECK((api.source.current()->version == KubeVersion{1, 34}));
  CHECK((api.source.age() == std::chrono::duration<double>(0)));
  // One warning for the outage, whatever reasons followed; one line when it is over.
  CHECK(api.log.take() ==
        "info cluster version: 1.33 (\"v1.33.0\")\n"
        "warning cluster version: timed out (keeping 1.33)\n"
        "info cluster version: 1.34 (\"v1.34.0\")\n"
        "info cluster version: the API server answers again\n");
}

TEST_CASE("an upgrade passes: ten minutes after the last answer of before, the servers agree") {
  Scripted api({answer_of(32)});
  (void)api.source.refresh();
  CHECK(api.log.take() == "info cluster version: 1.32 (\"v1.32.0\")\n");

  api.script = {answer_of(33, false), answer_of(32)};  // one of two is new
  api.asked = 0;
  api.pass(5);
  CHECK((api.source.current()->version == KubeVersion{1, 32}));
  CHECK(api.source.servers()->differ({1, 33}));
  const std::string differences =
      "API servers differ: from 1.32 to 1.33; until they agree, pods that depend on which one they "
      "meet are denied";
  CHECK(api.source.differences() == differences);
  CHECK(api.log.take() ==
        "info sandbox probe: the API server keeps hostUsers and procMount\n"
        "warning cluster version: " +
            differences + '\n');

  api.script = {answer_of(33, false)};  // both
  api.pass(8);
  CHECK(api.source.servers()->differ({1, 33}));
  CHECK(api.log.take().empty());
  api.pass(1);
  CHECK((api.source.current()->version == KubeVersion{1, 33}));
  CHECK_FALSE(api.source.servers()->differ({1, 33}));
  CHECK(api.source.differences().empty());
  CHECK(api.log.take() ==
        "info cluster version: 1.33 (\"v1.33.0\")\n"
        "info cluster version: the API servers agree again\n");
}

TEST_CASE("servers that differ on one side of the gate do not differ") {
  Scripted api({answer_of(33, false), answer_of(34, false)});
  (void)api.source.refresh();
  CHECK((api.source.current()->version == KubeVersion{1, 33}));
  CHECK(api.source.differences().empty());
  api.minimum = {1, 34};  // a configuration that is loaded again
  CHECK_FALSE(api.source.differences().empty());
}

TEST_CASE("two servers of one version, of which one drops the sandbox, differ") {
  Scripted api({answer_of(34, false), answer_of(34, true)});
  (void)api.source.refresh();
  CHECK((api.source.servers()->drops == true));
  CHECK(api.source.differences() ==
        "API servers differ: some drop hostUsers or procMount, some keep them; until they agree, "
        "pods that depend on which one they meet are denied");
  CHECK(api.source.probe_summary().starts_with("the API server drops hostUsers or procMount"));
}

ApiServerAnswer unprobed(const char* why) {
  ApiServerAnswer answer = answer_of(34);
  answer.probe_failure = why;
  return answer;
}

TEST_CASE("the probe keeps its last answer through failures, and says each change once") {
  Scripted api({unprobed("refused")});
  (void)api.source.refresh();
  CHECK_FALSE(api.source.servers()->drops.has_value());
  CHECK(api.source.probe_summary() == "not known; last asked in vain: refused");

  api.script = {answer_of(34, true)};
  api.pass(2);
  CHECK((api.source.servers()->drops == true));
  CHECK(api.source.probe_summary().starts_with("the API server drops hostUsers or procMount"));

  api.script = {unprobed("refused again")};
  api.pass(20);  // longer than any answer counts beside others
  CHECK((api.source.servers()->drops == true));
  CHECK(api.source.probe_summary().ends_with("; last asked in vain: refused again"));
  CHECK(api.source.differences().empty());

  api.script = {answer_of(34, false)};
  api.pass(1);
  CHECK((api.source.servers()->drops == false));
  CHECK(api.source.probe_summary() == "the API server keeps hostUsers and procMount");
  CHECK(api.log.take() ==
        "warning sandbox probe: refused\n"
        "info cluster version: 1.34 (\"v1.34.0\")\n"
        "warning sandbox probe: the API server drops hostUsers or procMount: no pod is sandboxed "
        "(expected feature gates UserNamespacesSupport and ProcMountType on)\n"
        "warning sandbox probe: refused again\n"
        "info sandbox probe: the API server keeps hostUsers and procMount\n");
}

TEST_CASE("a fixed version is never probed, and its probe says nothing") {
  const ClusterVersionSource source(ClusterVersion{{1, 34}, "v1.34.3"});
  CHECK_FALSE(source.servers()->drops.has_value());
  CHECK(source.probe_summary().empty());
  CHECK(source.differences().empty());
}

TEST_CASE("what the API server says cannot forge a log line") {
  Scripted api({ApiServerAnswer{.version = {{1, 33}, "v1\nfatal \xff"}}});
  (void)api.source.refresh();
  CHECK(api.log.take() == "info cluster version: 1.33 (\"v1\\nfatal \\ufffd\")\n");
}

TEST_CASE("start() asks by itself, again and again") {
  std::atomic<int> asked = 0;
  std::promise<void> asked_often;
  ClusterVersionSource source(
      [&](const std::stop_token&) -> Answer {
        if (++asked == 30) asked_often.set_value();
        return answer_of(33);
      },
      {.refresh_interval = 1ms});
  source.start();
  CHECK((asked_often.get_future().wait_for(30s) == std::future_status::ready));
}

TEST_CASE("the end does not wait for the interval") {
  std::atomic<int> asked = 0;
  std::promise<void> asked_enough;
  const auto begin = ClusterVersionSource::Clock::now();
  {
    ClusterVersionSource source(
        [&](const std::stop_token&) -> Answer {
          if (++asked == 10) asked_enough.set_value();
          return answer_of(33);
        },
        {.refresh_interval = 1h});
    source.start();
    asked_enough.get_future().wait();
  }
  CHECK((ClusterVersionSource::Clock::now() - begin < 30s));
}

TEST_CASE("a call that a stop has cut says nothing of the API server") {
  Log log;
  ClusterVersionSource source([](const std::stop_token&) { return Error{"stopped"}; },
                              {.on_log = log.sink()});
  std::stop_source stop;
  stop.request_stop();
  (void)source.refresh(stop.get_token());
  CHECK(log.take().empty());
}

}  // namespace
}  // namespace webhook
