// The client over real TLS, against a server in this process.
#include "kube/client.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "support/temporary_directory.h"
#include "support/tls_server.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using test::TlsPeer;
using test::TlsServer;
using Lines = std::vector<std::string>;

/// Longer than anything here takes, so that a failure ends too.
constexpr std::chrono::milliseconds kPatience = 20s;

const test::Pair& pair() {
  static const test::Pair kPair = test::make_pair({.dns_names = {"localhost"}});
  return kPair;
}

KubeAccess access_to(const TlsServer& server) {
  KubeAccess access;
  access.host = "127.0.0.1";
  access.port = server.port();
  access.server_name = "localhost";
  access.authorities.data = pair().certificate_pem;
  return access;
}

std::string answer(std::string_view body, std::string_view headers = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

std::string chunk(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string size{kDigits[bytes.size() / 16 % 16], kDigits[bytes.size() % 16]};
  return size + "\r\n" + std::string(bytes) + "\r\n";
}

constexpr std::string_view kStreamHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What each connection was asked, by the order in which they came.
class Heard {
 public:
  /// Serves `peer` by `reply`, which gets the number of the request on this connection, from 1 on,
  /// and returns what to send: nothing ends the connection.
  void serve(TlsPeer& peer, const std::function<std::string(std::size_t)>& reply) {
    const std::size_t connection = begin();
    for (std::size_t number = 1;; ++number) {
      const std::string request = peer.read_request();
      if (request.empty()) return;
      note(connection, request);
      const std::string bytes = reply(number);
      if (bytes.empty()) return;
      peer.send(bytes);
    }
  }

  void serve_once(TlsPeer& peer, std::string_view bytes) {
    note(begin(), peer.read_request());
    peer.send(bytes);
  }

  /// The number of requests by connection.
  [[nodiscard]] std::vector<std::size_t> counts() {
    const std::lock_guard lock(mutex_);
    std::vector<std::size_t> counts;
    for (const auto& each : requests_) counts.push_back(each.size());
    return counts;
  }

  [[nodiscard]] std::string last() {
    const std::lock_guard lock(mutex_);
    return requests_.back().back();
  }

 private:
  std::size_t begin() {
    const std::lock_guard lock(mutex_);
    requests_.emplace_back();
    return requests_.size() - 1;
  }

  void note(std::size_t connection, const std::string& request) {
    const std::lock_guard lock(mutex_);
    requests_[connection].push_back(request);
  }

  std::mutex mutex_;
  std::vector<std::vector<std::string>> requests_;
};

using Counts = std::vector<std::size_t>;

TEST_CASE("calls go over one connection for as long as the server lets them") {
  Heard heard;
  TlsServer server(
      pair(), [&](TlsPeer& peer) { heard.serve(peer, [](std::size_t) { return answer("{}"); }); });
  const KubeClient client(access_to(server));
  CHECK((client.get("/a").value() == "{}"));
  CHECK((client.post("/b", "{}").value().status == 200));
  CHECK((client.get("/c").value() == "{}"));
  CHECK((heard.counts() == Counts{3}));

  SUBCASE("a client made anew has a connection of its own") {
    const KubeClient other = client.anew();
    CHECK((other.get("/d").value() == "{}"));
    CHECK((other.get("/e").value() == "{}"));
    CHECK((heard.counts() == Counts{3, 2}));
  }
}

TEST_CASE("where the answer ends the connection, the next call opens another") {
  for (const std::string& bytes :
       {answer("{}", "Connection: close\r\n"),
        std::string("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"), answer("{}") + "left over",
        std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")}) {
    CAPTURE(bytes);
    Heard heard;
    TlsServer server(pair(),
                     [&](TlsPeer& peer) { heard.serve(peer, [&](std::size_t) { return bytes; }); });
    const KubeClient client(access_to(server));
    REQUIRE(client.send({.path = "/a"}));
    REQUIRE(client.send({.path = "/b"}));
    CHECK((heard.counts() == Counts{1, 1}));
  }
}

TEST_CASE("a connection that the server closed while nobody used it is not used, even for a POST") {
  Heard heard;
  std::atomic<std::size_t> closed = 0;
  TlsServer server(pair(), [&](TlsPeer& peer) {
    heard.serve_once(peer, answer("{}"));
    peer.say_goodbye();
    ++closed;
    closed.notify_all();
    (void)peer.read_request();
  });
  const KubeClient client(access_to(server));
  REQUIRE(client.get("/a"));
  closed.wait(0);
  REQUIRE(client.post("/b", "{}"));
  CHECK((heard.counts() == Counts{1, 1}));
}

TEST_CASE("a GET that meets a closing connection is sent once more, anything else fails") {
  Heard heard;
  TlsServer server(pair(), [&](TlsPeer& peer) {
    // The second request of each connection is read, and then there is nobody.
    heard.serve(peer, [](std::size_t number) { return number == 1 ? answer("{}") : ""; });
  });
  const KubeClient client(access_to(server));
  REQUIRE(client.get("/a"));
  CHECK((client.get("/b").value() == "{}"));
  CHECK((heard.counts() == Counts{2, 1}));

  const auto posted = client.post("/c", "{}");
  REQUIRE_FALSE(posted);
  CHECK(posted.error().message == "POST " + client.address() + "/c: the connection was closed");
  CHECK((heard.counts() == Counts{2, 2}));
}

TEST_CASE("a new connection that ends without an answer is no reason to ask again") {
  Heard heard;
  TlsServer server(pair(),
                   [&](TlsPeer& peer) { heard.serve(peer, [](std::size_t) { return ""; }); });
  const KubeClient client(access_to(server));
  CHECK_FALSE(client.get("/a"));
  CHECK((heard.counts() == Counts{1}));
}

TEST_CASE("an answer that has begun is not asked for again") {
  Heard heard;
  TlsServer server(pair(), [&](TlsPeer& peer) {
    heard.serve(peer, [&](std::size_t number) {
      if (number == 1) return answer("{}");
      peer.send("HTTP/1.1 200 OK\r\n");
      return std::string();
    });
  });
  const KubeClient client(access_to(server));
  REQUIRE(client.get("/a"));
  CHECK_FALSE(client.get("/b"));
  CHECK((heard.counts() == Counts{2}));
}

TEST_CASE("the TLS context, and with it the connection, stay until a credential changes") {
  const TemporaryDirectory home;
  Heard heard;
  TlsServer server(
      pair(), [&](TlsPeer& peer) { heard.serve(peer, [](std::size_t) { return answer("{}"); }); });
  KubeAccess access = access_to(server);
  access.authorities = {.file = home.write("ca.crt", pair().certificate_pem), .data = {}};
  access.token.file = home.write("token", "first");
  const KubeClient client(std::move(access));
  REQUIRE(client.get("/a"));
  // Written anew, and the same.
  (void)home.write("ca.crt", pair().certificate_pem);
  (void)home.write("token", "second");
  REQUIRE(client.get("/b"));
  CHECK((heard.counts() == Counts{2}));
  CHECK(heard.last().find("Authorization: Bearer second\r\n") != std::string::npos);

  (void)home.write("ca.crt", pair().certificate_pem + test::make_pair().certificate_pem);
  REQUIRE(client.get("/c"));
  CHECK((heard.counts() == Counts{2, 1}));

  (void)home.write("ca.crt", test::make_pair().certificate_pem);
  CHECK_FALSE(client.get("/d"));
  (void)home.write("ca.crt", "none");
  CHECK(client.get("/e").error().message == "GET " + client.address() +
                                                "/e: " + (home.path() / "ca.crt").string() +
                                                ": no certificate in it (expected PEM)");
}

TEST_CASE("a request has its method, its content type, and its headers whole") {
  Heard heard;
  TlsServer server(pair(), [&](TlsPeer& peer) {
    heard.serve(
        peer, [](std::size_t) { return answer("{}", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"); });
  });
  KubeAccess access = access_to(server);
  access.path_prefix = "/k8s";
  access.token.data = std::string(20'000, 't');
  const KubeClient client(std::move(access));
  const auto got = client.send({.method = "PATCH",
                                .path = "/x%20y?fieldManager=a&force=true",
                                .body = "{\"a\": \"%s\"}",
                                .content_type = "application/apply-patch+yaml"});
  REQUIRE(got);
  CHECK(got->date == "Sun, 06 Nov 1994 08:49:37 GMT");
  const std::string request = heard.last();
  CHECK(request.starts_with("PATCH /k8s/x%20y?fieldManager=a&force=true HTTP/1.1\r\n"));
  CHECK(request.ends_with("\r\n\r\n{\"a\": \"%s\"}"));
  for (const std::string& header :
       {"\r\nHost: 127.0.0.1:" + server.port() + "\r\n",
        std::string("\r\nContent-Type: application/apply-patch+yaml\r\n"),
        std::string("\r\nAccept: application/json\r\n"),
        std::string("\r\nUser-Agent: code-executor-webhook\r\n"),
        "\r\nAuthorization: Bearer " + std::string(20'000, 't') + "\r\n"}) {
    CHECK(request.find(header) != std::string::npos);
  }
  for (const char* header : {"Accept-Encoding", "Connection: close"}) {
    CHECK(request.find(header) == std::string::npos);
  }
}

TEST_CASE("an answer is as long as its request allows") {
  TlsServer server(pair(), [](TlsPeer& peer) {
    while (!peer.read_request().empty()) peer.send(answer("12345"));
  });
  const KubeClient client(access_to(server));
  CHECK((client.send({.path = "/a", .max_body_bytes = 5}).value().body == "12345"));
  const auto got = client.send({.path = "/a", .max_body_bytes = 4});
  REQUIRE_FALSE(got);
  CHECK(got.error().message == "GET " + client.address() + "/a: the answer is over 4 bytes");
}

TEST_CASE("lines are received as they come, and the connection goes on after them") {
  std::promise<void> first_received;
  std::atomic<bool> was_received = false;
  Heard heard;
  TlsServer server(pair(), [&](TlsPeer& peer) {
    heard.serve(peer, [&](std::size_t number) {
      if (number > 1) return answer("{}");
      peer.send(std::string(kStreamHead) + chunk("one\ntw"));
      was_received = first_received.get_future().wait_for(kPatience) == std::future_status::ready;
      return chunk("o\n") + chunk("three\n") + "0\r\n\r\n";
    });
  });
  const KubeClient client(access_to(server));
  Lines lines;
  const auto got = client.get_lines("/watch",
                                    [&](std::string_view line) {
                                      if (lines.empty()) first_received.set_value();
                                      lines.emplace_back(line);
                                      return true;
                                    },
                                    {});
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(was_received);
  CHECK((lines == Lines{"one", "two", "three"}));
  REQUIRE(client.get("/a"));
  CHECK((heard.counts() == Counts{2}));
}

/// What get_lines() makes of a stream of `bytes` that then ends without a goodbye, or not at all.
Result<HttpResponse> lines_of(std::string_view bytes, KubeClient::LineLimits limits, bool ends,
                              const KubeClient::LineReceiver& receive) {
  TlsServer server(pair(), [&](TlsPeer& peer) {
    (void)peer.read_request();
    peer.send(bytes);
    if (!ends) (void)peer.read_request();
  });
  return KubeClient(access_to(server)).get_lines("", receive, limits);
}

TEST_CASE("a stream of lines ends by its receiver, its limits, its status, or breaks off") {
  const std::string begin(kStreamHead);
  const KubeClient::LineLimits limits{.max_line_bytes = 8, .time = kPatience};
  std::size_t received = 0;
  const auto all = [&](std::string_view) { return ++received > 0; };
  const auto one = [&](std::string_view) { return ++received < 1; };
  const auto why = [](const Result<HttpResponse>& got) {
    return got ? "status " + std::to_string(got->status)
               : got.error().message.substr(got.error().message.find(": ") + 2);
  };
  CHECK(why(lines_of(begin + chunk("1\n2\n"), limits, false, one)) == "status 200");
  CHECK(received == 1);
  CHECK(why(lines_of(begin + chunk("123456789"), limits, false, all)) == "a line is over 8 bytes");
  CHECK(why(lines_of(begin + chunk("1\n"), limits, true, all)) == "the connection was closed");
  CHECK(why(lines_of(begin + "zz\r\n", limits, false, all)) == "bad chunk size");
  CHECK(why(lines_of("HTTP/1.1 410 Gone\r\nContent-Length: 9\r\n\r\n", limits, false, all)) ==
        "status 410");
  CHECK(why(lines_of(begin, {.max_line_bytes = 8, .time = 20ms}, false, all)) == "timed out");
}

TEST_CASE("the time of a stream begins with its head, and is its own") {
  const auto all = [](std::string_view) { return true; };
  const std::string head(kStreamHead);
  CHECK(lines_of(head + chunk("1\n") + "0\r\n\r\n", {}, false, all).has_value());
  const auto got = lines_of(head, {.time = 0ms}, false, all);
  REQUIRE_FALSE(got);  // the head had its five seconds; nothing after it has any
  CHECK(got.error().message.ends_with(": timed out"));
}

TEST_CASE("lines that are gathered are the same, and wait no longer than the stream has") {
  TlsServer server(pair(), [](TlsPeer& peer) {
    (void)peer.read_request();
    peer.send(kStreamHead);
    peer.send(chunk("one\ntw"));
    peer.send(chunk("o\n"));
    peer.send(chunk("three\n") + "0\r\n\r\n");
    (void)peer.read_request();
  });
  Lines lines;
  const auto keep = [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  };
  REQUIRE(KubeClient(access_to(server)).get_lines("/watch", keep, {.gathering = 1ms}));
  CHECK((lines == Lines{"one", "two", "three"}));
  const auto got = lines_of(std::string(kStreamHead) + chunk("1\n"),
                            {.time = 20ms, .gathering = 1h}, false, keep);
  REQUIRE_FALSE(got);
  CHECK(got.error().message.ends_with(": timed out"));
}

TEST_CASE("a stop ends the gathering of lines at once") {
  std::stop_source stop;
  TlsServer other(pair(), [](TlsPeer& peer) {
    (void)peer.read_request();
    peer.send(answer("{}"));
  });
  TlsServer server(pair(), [&](TlsPeer& peer) {
    (void)peer.read_request();
    // Between these the client waits, and then gathers, unless it is slower than a handshake.
    const auto pass_time = [&] { (void)KubeClient(access_to(other)).get("/"); };
    peer.send(kStreamHead);
    pass_time();
    peer.send(chunk("1\n"));
    pass_time();
    stop.request_stop();
    (void)peer.read_request();
  });
  const auto got = KubeClient(access_to(server))
                       .get_lines(
                           "/watch", [](std::string_view) { return true; },
                           {.time = 1h, .gathering = 1h}, stop.get_token());
  REQUIRE_FALSE(got);
  CHECK(got.error().message.ends_with("/watch: stopped"));
}

TEST_CASE("a stop ends a stream at once") {
  std::stop_source stop;
  TlsServer server(pair(), [&](TlsPeer& peer) {
    (void)peer.read_request();
    peer.send(std::string(kStreamHead) + chunk("1\n"));
    (void)peer.read_request();
  });
  const auto got = KubeClient(access_to(server))
                       .get_lines(
                           "/watch",
                           [&](std::string_view) {
                             stop.request_stop();
                             return true;
                           },
                           {.time = 1h}, stop.get_token());
  REQUIRE_FALSE(got);
  CHECK(got.error().message.ends_with("/watch: stopped"));
}

TEST_CASE("several threads may ask at once") {
  TlsServer server(pair(), [](TlsPeer& peer) {
    while (!peer.read_request().empty()) peer.send(answer("{}"));
  });
  const KubeClient client(access_to(server));
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int each = 0; each < 5; ++each) good += client.get("/a").has_value() ? 1 : 0;
      });
    }
  }
  CHECK(good == 20);
}

}  // namespace
}  // namespace webhook
