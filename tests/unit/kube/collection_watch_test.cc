// The watch over real TLS, against API servers of our own. Nothing here waits: advance() tells how
// long it would.
#include "kube/collection_watch.h"

#include <doctest/doctest.h>

#include <future>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/watched_server.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using test::TlsPeer;
using test::TlsServer;
using test::WatchedServer;
using Objects = WatchedServer::Objects;

/// Longer than anything here takes, so that a failure ends too.
constexpr std::chrono::milliseconds kPatience = 20s;

const test::Pair& pair() {
  static const test::Pair kPair = test::make_pair({.dns_names = {"localhost"}});
  return kPair;
}

/// Keeps what it is told, as an inventory does.
struct Kept {
  Objects found;
  Objects known;
  bool is_complete = false;
  std::vector<std::string> failures;  ///< "forbidden: " before those.
  int successes = 0;

  static std::pair<std::string, int> read(const JsonValue& object) {
    const JsonValue metadata = object.field("metadata");
    const JsonValue name = metadata.field("name");
    const JsonValue value = object.field("value");
    if (name.string().empty()) name.refuse("is missing");
    return {std::string(name.string()), static_cast<int>(value.integer().value_or(-1))};
  }

  CollectionWatch::Options options() {
    return {.collection = "/apis/example.com/v1/things",
            .receiver = {.begin = [this] { found.clear(); },
                         .found = [this](const JsonValue& object) { found.insert(read(object)); },
                         .complete =
                             [this] {
                               known = found;
                               is_complete = true;
                             },
                         .changed =
                             [this](const JsonValue& object) {
                               const auto [name, value] = read(object);
                               known[name] = value;
                             },
                         .deleted =
                             [this](const JsonValue& object) { known.erase(read(object).first); }},
            .chance = [] { return 0.5; },
            .on_failure =
                [this](const std::string& why, bool is_forbidden) {
                  failures.push_back((is_forbidden ? "forbidden: " : "") + why);
                },
            .on_success = [this] { ++successes; }};
  }
};

TEST_CASE("whatever watches meet, in the end what is known is what the server has") {
  std::map<std::string, int> played;
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    const bool is_replaced = seed % 2 == 0;
    WatchedServer server(pair(), seed, is_replaced);
    Kept kept;
    CollectionWatch watch(KubeClient(server.access()), kept.options());
    for (int call = 0; call < 40; ++call) (void)watch.advance();
    server.calm_down();
    // A page that is gone, those of another list, and a watch. Who has met a server with another
    // past may have to wait until all is listed once more.
    const int calls = 6 + (is_replaced ? WatchSteps::kWatchesOfAList : 0);
    for (int call = 0; call < calls; ++call) (void)watch.advance();
    CHECK(kept.is_complete);
    CHECK((kept.known == server.objects()));
    CHECK_FALSE(kept.known.empty());
    for (const auto& [what, count] : server.played()) played[what] += count;
  }
  // Each of the 18 was played, and often enough.
  CHECK(played.size() == 18);
  for (const auto& [what, count] : played) {
    CAPTURE(what);
    CHECK(count >= 3);
  }
}

/// A server whose every connection gets `answers` in turn, one for each request.
class Scripted {
 public:
  explicit Scripted(std::vector<std::string> answers)
      : answers_(std::move(answers)), server_(pair(), [this](TlsPeer& peer) { serve(peer); }) {}

  [[nodiscard]] KubeClient client() const {
    KubeAccess access;
    access.host = "127.0.0.1";
    access.port = server_.port();
    access.server_name = "localhost";
    access.authorities.data = pair().certificate_pem;
    return KubeClient(std::move(access));
  }

  [[nodiscard]] std::string address() const { return "https://127.0.0.1:" + server_.port(); }

 private:
  void serve(TlsPeer& peer) {
    while (!peer.read_request().empty()) {
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        if (next_ < answers_.size()) answer = answers_[next_++];
      }
      // Without an answer the call hangs.
      if (!answer.empty()) peer.send(answer);
    }
  }

  std::mutex mutex_;
  std::vector<std::string> answers_;
  std::size_t next_ = 0;
  TlsServer server_;
};

std::string answer(std::string_view body, std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

const std::string kList = R"({"metadata":{"resourceVersion":"7"},"items":[)"
                          R"({"metadata":{"name":"a"},"value":1}]})";
const std::string kMore = R"({"metadata":{"resourceVersion":"7","continue":"b"},"items":[)"
                          R"({"metadata":{"name":"b"},"value":2}]})";

TEST_CASE("what was known stays until a new list is complete") {
  Scripted server({answer(kList), answer("", "410 Gone"), answer(kMore),
                   answer("", "503 Service Unavailable"), answer(kMore), answer(kList)});
  Kept kept;
  CollectionWatch watch(server.client(), kept.options());
  CHECK((watch.advance() == 0ms));
  CHECK((kept.known == Objects{{"a", 1}}));
  CHECK((watch.advance() == 1s));
  CHECK((watch.advance() == 0ms));
  CHECK((kept.known == Objects{{"a", 1}}));
  CHECK((watch.advance() == 2s));
  // 410 is part of a watch's life.
  CHECK((kept.failures == std::vector<std::string>{"GET " + server.address() +
                                                   "/apis/example.com/v1/things: status 503"}));
  CHECK((watch.advance() == 0ms));
  CHECK((kept.known == Objects{{"a", 1}}));
  CHECK((watch.advance() == 0ms));
  CHECK((kept.known == Objects{{"a", 1}, {"b", 2}}));
}

TEST_CASE("a right that is missing is told from other failures") {
  Scripted server({answer("", "403 Forbidden"), answer(kList), answer("", "401 Unauthorized"),
                   answer("", "500 Internal Server Error")});
  Kept kept;
  CollectionWatch watch(server.client(), kept.options());
  for (int call = 0; call < 4; ++call) (void)watch.advance();
  const std::string path = "GET " + server.address() + "/apis/example.com/v1/things: ";
  const std::string expected =
      " (expected a role that allows list and watch on it, as the ClusterRole of manifests/base "
      "does)";
  CHECK((kept.failures == std::vector<std::string>{"forbidden: " + path + "status 403" + expected,
                                                   "forbidden: " + path + "status 401" + expected,
                                                   path + "status 500"}));
  CHECK(kept.successes == 1);
}

TEST_CASE("what is too large is refused") {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
  SUBCASE("a page") {
    Scripted server({head + std::to_string(CollectionWatch::kMaxPageBytes + 1) + "\r\n\r\n"});
    Kept kept;
    CollectionWatch watch(server.client(), kept.options());
    (void)watch.advance();
    REQUIRE(kept.failures.size() == 1);
    CHECK(kept.failures[0].find("over 16777216 bytes") != std::string::npos);
  }
  SUBCASE("a line") {
    Scripted server({answer(kList), answer(std::string(CollectionWatch::kMaxLineBytes + 1, ' '))});
    Kept kept;
    CollectionWatch watch(server.client(), kept.options());
    (void)watch.advance();
    (void)watch.advance();
    REQUIRE(kept.failures.size() == 1);
    CHECK(kept.failures[0].find("a line is over 4194304 bytes") != std::string::npos);
  }
  SUBCASE("a list") {
    Scripted server({answer(kMore), answer(kMore), answer(kMore)});
    Kept kept;
    auto options = kept.options();
    options.max_objects = 2;
    CollectionWatch watch(server.client(), options);
    for (int call = 0; call < 3; ++call) (void)watch.advance();
    CHECK(
        (kept.failures == std::vector<std::string>{"GET " + server.address() +
                                                   "/apis/example.com/v1/things: over 2 objects"}));
    CHECK_FALSE(kept.is_complete);
  }
}

TEST_CASE("an event counts as soon as its line is there, and a stop ends the watch at once") {
  // The stream goes on for ever.
  const std::string line =
      R"({"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"8"},"value":2}})";
  Scripted server({answer(kList), "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + line + '\n'});
  Kept kept;
  std::promise<Objects> seen;
  auto options = kept.options();
  options.receiver.changed = [&](const JsonValue& object) {
    kept.known.insert(Kept::read(object));
    seen.set_value(kept.known);
  };
  CollectionWatch watch(server.client(), options);
  watch.start();
  auto future = seen.get_future();
  REQUIRE((future.wait_for(kPatience) == std::future_status::ready));
  CHECK((future.get() == Objects{{"a", 1}, {"b", 2}}));
}

TEST_CASE("a stop ends the wait between calls") {
  Scripted server({answer("", "500 Internal Server Error")});
  Kept kept;
  std::promise<void> failed;
  auto options = kept.options();
  options.on_failure = [&](const std::string&, bool) { failed.set_value(); };
  CollectionWatch watch(server.client(), options);
  watch.start();
  REQUIRE((failed.get_future().wait_for(kPatience) == std::future_status::ready));
}

}  // namespace
}  // namespace webhook
