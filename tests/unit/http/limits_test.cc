// What a transport does where something runs short, over loopback without TLS.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include "unit/http/echo_transport.h"
#include "unit/http/loopback_client.h"

namespace {

/// How often a send() of this program could not go on.
std::atomic<int> sends_that_blocked{0};

}  // namespace

/// In place of libc's, which it calls.
extern "C" ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  using Send = ssize_t (*)(int, const void*, size_t, int);
  static const auto libc_send = reinterpret_cast<Send>(dlsym(RTLD_NEXT, "send"));
  const ssize_t sent = libc_send(fd, bytes, size, flags);
  if (sent < 0 && errno == EAGAIN) ++sends_that_blocked;
  return sent;
}

namespace webhook {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::eventually;
using test::post;

/// The head of a request, and the first byte of its body of `size`.
std::string beginning_of(std::size_t size) {
  return post(std::string(size, 'a')).substr(0, post(std::string(size, 'a')).size() - size + 1);
}

/// A transport where nobody is spared for being young.
struct Limited : test::Served {
  explicit Limited(const Change& change, std::size_t bytes = 8U << 20U, std::size_t headroom = 0)
      : Served(
            [&](TransportOptions& options) {
              options.workers = 1;  // who looks for a victim is the only one at work
              options.eviction.spared_age = 0ms;
              change(options);
            },
            bytes, headroom) {}

  [[nodiscard]] Client connect() const { return Client(address()); }

  /// A client that was answered `body`.
  [[nodiscard]] Client answered(const std::string& body) const {
    Client client = connect();
    client.send(post(body));
    CHECK(client.receive(body.size() + 2) == '[' + body + ']');
    return client;
  }
};

TEST_CASE("who has proven useful stays at the limit of connections, and nobody else") {
  const Limited served([](TransportOptions& options) { options.max_connections = 3; });
  const Client proven = served.answered("prove");
  const Client used = served.answered("used");
  const Client half_open = served.connect();
  half_open.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(half_open.receive(12) == "HTTP/1.1 100");
  const Client first = served.answered("prove");
  CHECK(half_open.receive_all() == " Continue\r\n\r\n");
  const Client second = served.answered("prove");
  CHECK(used.receive_all().empty());
  const Client refused = served.connect();
  CHECK(refused.receive_all().empty());
  proven.send(post("still"));
  CHECK(proven.receive(7) == "[still]");
  CHECK(served.causes.count("evicted") == 2);
  CHECK(served.causes.count("no_room") == 1);
}

TEST_CASE("at the limit a newcomer gets in though all others are young, and then stays") {
  const Limited served([](TransportOptions& options) {
    options.max_connections = 3;
    options.eviction.spared_age = 1h;
  });
  const Client proven = served.answered("prove");
  const Client first = served.answered("a");
  const Client second = served.connect();
  CHECK(eventually([&] { return served.transport.open_connections() == 3; }));
  const Client third = served.answered("c");
  CHECK(first.receive_all().empty());
  second.send(post("b"));
  CHECK(second.receive(3) == "[b]");
  CHECK(served.causes.count("no_room") == 0);
}

TEST_CASE("a body displaces the young only for who is proven") {
  const Limited served([](TransportOptions& options) { options.eviction.spared_age = 1h; },
                       1'000'000);
  const Client proven = served.answered("prove");
  std::vector<Client> young;
  for (int i = 0; i < 10; ++i) young.push_back(served.answered("a"));
  const Client large = served.connect();
  large.send(beginning_of(600'000));
  CHECK(large.receive_all() == "refused 503");
  for (const Client& each : young) {
    each.send(post("b"));
    CHECK(each.receive(3) == "[b]");
  }
  const std::string body(600'000, 'b');
  proven.send(post(body));
  CHECK(proven.receive(body.size() + 2) == '[' + body + ']');
  CHECK(young.front().receive_all().empty());
  CHECK(served.causes.count("evicted") > 0);
}

TEST_CASE("where newcomers always get in, they do") {
  const Limited served([](TransportOptions& options) {
    options.max_connections = 2;
    options.eviction = {.newcomer = Newcomer::kAlwaysGetsIn, .spared_age = 1h};
  });
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(served.answered("prove"));
  CHECK(served.causes.count("evicted") == 8);
  CHECK(served.causes.count("no_room") == 0);
}

TEST_CASE("an idle connection gives back what its request and answer took") {
  const Limited served([](TransportOptions&) {});
  const std::string body(1'000'000, 'a');
  const Client client = served.answered(body);
  CHECK(eventually([&] { return served.budget.used() == kConnectionBytes; }));
  client.send(post("small"));
  CHECK(client.receive(7) == "[small]");
  CHECK(served.budget.used() == kConnectionBytes);
}

TEST_CASE("a body for which there is no memory is refused before it is sent") {
  const Limited served([](TransportOptions& options) { options.eviction.spared_age = 1h; },
                       1'000'000);
  const Client first = served.connect();
  first.send(beginning_of(600'000));
  CHECK(eventually([&] { return served.budget.used() > 600'000; }));
  const Client second = served.connect();
  second.send(beginning_of(600'000));
  CHECK(second.receive_all() == "refused 503");
  CHECK(served.answered("small").fd() >= 0);
  first.send(std::string(599'999, 'a'));
  CHECK(first.receive(600'002).size() == 600'002);
  // Now there is memory again.
  CHECK(eventually([&] { return served.budget.used() < 200'000; }));
  CHECK(served.answered(std::string(600'000, 'b')).fd() >= 0);
}

TEST_CASE("who is not proven and holds memory for a body gives way to another body") {
  const Limited served([](TransportOptions&) {}, 1'000'000);
  const Client idle = served.connect();
  const Client holds = served.connect();
  holds.send(beginning_of(600'000));
  CHECK(eventually([&] { return served.budget.used() > 600'000; }));
  CHECK(served.answered(std::string(600'000, 'b')).fd() >= 0);
  CHECK(holds.receive_all().empty());
  idle.send(post("still"));
  CHECK(idle.receive(7) == "[still]");
}

TEST_CASE("large bodies leave memory to small requests") {
  const Limited served([](TransportOptions& options) { options.eviction.spared_age = 1h; },
                       2'000'000, 1'000'000);
  const Client first = served.connect();
  first.send(beginning_of(800'000));
  CHECK(eventually([&] { return served.budget.used() > 800'000; }));
  const Client second = served.connect();
  second.send(beginning_of(800'000));
  CHECK(second.receive_all() == "refused 503");
  CHECK(served.answered(std::string(40'000, 'a')).fd() >= 0);
}

TEST_CASE("an answer for which there is no memory is not kept") {
  const Limited served(
      [](TransportOptions& options) {
        options.connection.respond = [](const RawRequest&) {
          return RawAnswer{.bytes = std::string(2'000'000, 'a')};
        };
      },
      1'000'000);
  const Client client = served.connect();
  client.send(post(""));
  CHECK(client.receive_all() == "refused 503");
}

TEST_CASE("without memory for a newcomer somebody gives way") {
  const Limited served([](TransportOptions&) {}, 2 * kConnectionBytes);
  const Client first = served.answered("a");
  const Client second = served.answered("b");
  const Client third = served.answered("c");
  CHECK(first.receive_all().empty());
  CHECK(served.budget.used() == 2 * kConnectionBytes);
}

TEST_CASE("whatever throws ends no more than its connection") {
  std::atomic<bool> throws{true};
  SUBCASE("an answer") {
    Limited served([&](TransportOptions& options) {
      options.connection.respond = [&throws](const RawRequest&) -> RawAnswer {
        if (throws.exchange(false)) throw std::runtime_error("a bug");
        return {.bytes = "[a]"};
      };
    });
    const Client client = served.connect();
    client.send(post("a"));
    CHECK(client.receive_all().empty());
    CHECK(served.answered("a").fd() >= 0);
    CHECK(served.bugs == 1);
    CHECK(served.causes.count("bug") == 1);
  }
  SUBCASE("a newcomer") {
    Limited served([&](TransportOptions& options) {
      options.workers = 1;
      options.observer.on_closed = {};
      options.tls = [&throws]() -> std::shared_ptr<SSL_CTX> {
        if (throws.exchange(false)) throw std::runtime_error("a bug");
        return nullptr;
      };
    });
    CHECK(served.connect().receive_all().empty());
    CHECK(served.connect().receive_all().empty());
    CHECK(served.bugs == 1);
  }
}

TEST_CASE("who ends its half and does not read its answer keeps no worker busy") {
  Limited served(
      [](TransportOptions& options) {
        options.connection.deadlines.write = 200ms;
        options.connection.respond = [](const RawRequest&) {
          return RawAnswer{.bytes = std::string(std::size_t{64} << 20U, 'a')};
        };
      },
      std::size_t{256} << 20U);
  sends_that_blocked = 0;
  const Client client = served.connect();
  client.send(post(""));
  client.half_close();
  CHECK(eventually([&] { return served.causes.count("write_timeout") == 1; }));
  CHECK(sends_that_blocked < 20);
}

}  // namespace
}  // namespace webhook
