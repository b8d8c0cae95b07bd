// The transport alone, without TLS, over loopback: what it hands to a function that answers.
#include "http/transport.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "unit/http/loopback_client.h"

namespace webhook {
namespace {

using test::Client;
using test::eventually;
using test::kPatience;

using namespace std::chrono_literals;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string post(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

/// The head of a request that is told to go on with its body, of two bytes, once it is read.
constexpr std::string_view kWaitingPost =
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

TransportOptions echo() {
  return {.address = "127.0.0.1:0",
          .workers = 2,
          .tls = {},
          .connection = {.deadlines = {},
                         .max_body_bytes = std::size_t{1} << 20U,
                         .max_buffered_bytes = std::size_t{64} << 20U,
                         .refuse_body = [](const Framed& head) -> std::optional<std::string> {
                           if (head.path == "/") return std::nullopt;
                           return "no body at " + std::string(head.path);
                         },
                         .respond =
                             [](const RawRequest& request) {
                               return RawAnswer{.bytes = '[' + std::string(request.body) + ']',
                                                .closes = !request.head.keeps_alive};
                             },
                         .refuse =
                             [](const Refusal& refusal) {
                               return "refused " + std::to_string(refusal.status);
                             }}};
}

bool refuses_connections(const Transport& transport) {
  try {
    const Client client(transport.address());
  } catch (const std::runtime_error&) {
    return true;
  }
  return false;
}

/// A client of `transport` whose request is being answered, until it is let go.
class RequestInFlight {
 public:
  RequestInFlight() {
    transport.start();
    client.send(post("a"));
    entered_.get_future().wait();
  }
  ~RequestInFlight() { let_go(); }
  RequestInFlight(const RequestInFlight&) = delete;
  RequestInFlight& operator=(const RequestInFlight&) = delete;

  void let_go() {
    if (!std::exchange(is_let_go_, true)) let_go_.set_value();
  }

 private:
  TransportOptions held() {
    TransportOptions options = echo();
    options.connection.respond = [this](const RawRequest&) {
      entered_.set_value();
      let_go_.get_future().wait();
      return RawAnswer{.bytes = "done", .closes = true};
    };
    return options;
  }

  std::promise<void> entered_;
  std::promise<void> let_go_;
  bool is_let_go_ = false;

 public:
  Transport transport{held()};
  Client client{transport.address()};
};

TEST_CASE("a request is handed on whole, however it arrives, and the next one after it") {
  Transport transport(echo());
  transport.start();
  const Client client(transport.address());
  for (const char c : post("one")) client.send(std::string_view(&c, 1));
  CHECK(client.receive(5) == "[one]");
  client.send(post("two") + post("three"));
  CHECK(client.receive(12) == "[two][three]");
  CHECK(transport.open_connections() == 1);
}

TEST_CASE("the connection ends when either side wants it to") {
  Transport transport(echo());
  transport.start();
  const Client client(transport.address());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(client.receive_all() == "[]");
  { const Client gone(transport.address()); }
  CHECK(eventually([&] { return transport.open_connections() == 0; }));
}

TEST_CASE("what is no request is refused, and what comes after it is not read") {
  Transport transport(echo());
  transport.start();
  const Client client(transport.address());
  client.send("GET /\n" + post("smuggled"));
  CHECK(client.receive_all() == "refused 400");
}

TEST_CASE("a body that is not wanted is not waited for, and its sender is not told to go on") {
  Transport transport(echo());
  transport.start();
  const Client client(transport.address());
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
  CHECK(client.receive_all() == "no body at /x");
  const Client eager(transport.address());
  eager.send("PUT /y HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab" + post("smuggled"));
  CHECK(eager.receive_all() == "no body at /y");
}

TEST_CASE("who waits to be told to go on is told once") {
  Transport transport(echo());
  transport.start();
  const Client client(transport.address());
  client.send(kWaitingPost);
  CHECK(client.receive(kContinue.size()) == kContinue);
  client.send("a");
  client.send("b");
  CHECK(client.receive(4) == "[ab]");
}

TEST_CASE("one body too many of those that are arriving is put off, and only then") {
  TransportOptions options = echo();
  options.connection.max_buffered_bytes = 200'000;
  Transport transport(std::move(options));
  transport.start();
  const std::string request = post(std::string(90'000, 'a'));
  const std::string most = request.substr(0, 80'000);
  const std::string_view rest = std::string_view(request).substr(most.size());
  // Whether the four are there at the same time is the scheduler's to say.
  const std::string at = transport.address();
  CHECK(eventually([&] {
    const std::array<Client, 4> clients{Client(at), Client(at), Client(at), Client(at)};
    for (const Client& client : clients) client.send(most);
    for (const Client& client : clients) client.send(rest);
    return std::any_of(clients.begin(), clients.end(),
                       [](const Client& client) { return client.receive(11) == "refused 503"; });
  }));
  CHECK(eventually([&] { return transport.open_connections() == 0; }));
  const Client alone(transport.address());
  alone.send(request);
  CHECK(alone.receive(90'002).size() == 90'002);
}

TEST_CASE("each deadline ends the connection that it is for") {
  TransportOptions options = echo();
  Deadlines& deadlines = options.connection.deadlines;
  SUBCASE("idle") {
    deadlines.idle = 50ms;
    Transport transport(std::move(options));
    transport.start();
    const Client client(transport.address());
    client.send(post("a"));
    CHECK(client.receive_all() == "[a]");
  }
  SUBCASE("a request that does not arrive") {
    deadlines.request = 50ms;
    Transport transport(std::move(options));
    transport.start();
    const Client client(transport.address());
    client.send("POST");
    CHECK(client.receive_all().empty());
  }
  SUBCASE("an answer that is not read") {
    deadlines.write = 50ms;
    options.connection.respond = [](const RawRequest&) {
      return RawAnswer{.bytes = std::string(std::size_t{64} << 20U, 'a')};
    };
    Transport transport(std::move(options));
    transport.start();
    const Client client(transport.address());
    client.send(post(""));
    CHECK(eventually([&] { return transport.open_connections() == 1; }));
    CHECK(eventually([&] { return transport.open_connections() == 0; }));
  }
}

TEST_CASE("at the limit, who keeps us waiting longest gives way, and nobody else") {
  TransportOptions options = echo();
  options.max_connections = 3;
  Transport transport(std::move(options));
  transport.start();
  const Client half_open(transport.address());
  half_open.send(kWaitingPost);
  CHECK(half_open.receive(kContinue.size()) == kContinue);
  const Client later_half_open(transport.address());
  later_half_open.send(kWaitingPost);
  CHECK(later_half_open.receive(kContinue.size()) == kContinue);
  const Client used(transport.address());
  used.send(post("a"));
  CHECK(used.receive(3) == "[a]");
  const Client newcomer(transport.address());
  newcomer.send(post("b"));
  CHECK(newcomer.receive(3) == "[b]");
  CHECK(half_open.receive_all().empty());
  later_half_open.send("cc");
  CHECK(later_half_open.receive(4) == "[cc]");
  // Now all three have been of use: the next one is refused.
  const Client refused(transport.address());
  CHECK(refused.receive_all().empty());
  used.send(post("d"));
  CHECK(used.receive(3) == "[d]");
}

TEST_CASE("a drain waits for the request in flight, and for nobody else") {
  RequestInFlight request;
  auto drained = std::async(std::launch::async, [&] { return request.transport.drain(kPatience); });
  CHECK(eventually([&] { return refuses_connections(request.transport); }));
  CHECK(drained.wait_for(0s) == std::future_status::timeout);
  request.let_go();
  CHECK(request.client.receive_all() == "done");
  CHECK(drained.get());
  CHECK(request.transport.open_connections() == 0);
}

TEST_CASE("a drain that runs out of time says so") {
  RequestInFlight request;
  CHECK_FALSE(request.transport.drain(10ms));
  request.let_go();
  CHECK(request.client.receive_all() == "done");
}

TEST_CASE("an address that is taken or none is named") {
  TransportOptions options = echo();
  const Transport transport(echo());
  for (const std::string& address : {transport.address(), std::string("nowhere")}) {
    CAPTURE(address);
    options.address = address;
    std::string what;
    try {
      const Transport other(options);
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
    CHECK(what.find(address) != std::string::npos);
  }
}

}  // namespace
}  // namespace webhook
