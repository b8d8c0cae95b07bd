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

#include "unit/http/echo_transport.h"
#include "unit/http/loopback_client.h"

namespace webhook {
namespace {

using test::Client;
using test::echo;
using test::eventually;
using test::kPatience;
using test::post;

using namespace std::chrono_literals;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

/// The head of a request that is told to go on with its body, of two bytes, once it is read.
constexpr std::string_view kWaitingPost =
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

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

TEST_CASE("each deadline ends the connection that it is for") {
  TransportOptions options = echo();
  test::Causes causes;
  options.observer = causes.observer();
  Deadlines& deadlines = options.connection.deadlines;
  SUBCASE("idle") {
    deadlines.idle = 50ms;
    Transport transport(std::move(options));
    transport.start();
    const Client client(transport.address());
    client.send(post("a"));
    CHECK(client.receive_all() == "[a]");
    CHECK(eventually([&] { return causes.count("idle_timeout") == 1; }));
  }
  SUBCASE("a request that does not arrive") {
    deadlines.request = 50ms;
    Transport transport(std::move(options));
    transport.start();
    const Client client(transport.address());
    client.send("POST");
    CHECK(client.receive_all().empty());
    CHECK(eventually([&] { return causes.count("request_timeout") == 1; }));
  }
  SUBCASE("a request of which a byte comes now and then") {
    deadlines.request = 50ms;
    Transport transport(std::move(options));
    transport.start();
    const Client client(transport.address());
    CHECK(eventually([&] {
      try {
        client.send("x");
      } catch (const std::runtime_error&) {  // it is closed
      }
      return causes.count("request_timeout") == 1;
    }));
  }
  SUBCASE("answers to pipelined requests that are not read") {
    deadlines = {.handshake = 1h, .request = 1h, .write = 50ms, .idle = 1h};
    options.connection.respond = [](const RawRequest&) {
      return RawAnswer{.bytes = std::string(1'000, 'a')};
    };
    Transport transport(std::move(options));
    transport.start();
    const Client client(transport.address());
    client.send_what_fits(post(""));
    CHECK(eventually([&] { return causes.count("write_timeout") == 1; }));
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
    CHECK(eventually([&] { return causes.count("write_timeout") == 1; }));
  }
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

TEST_CASE("a drain gives who has begun a request its time, however that is spent, and no more") {
  TransportOptions options = echo();
  options.connection.deadlines = {.handshake = 1h, .request = 1h, .write = 1h, .idle = 1h};
  SUBCASE("silent") {
    options.grace = 50ms;
    Transport transport(std::move(options));
    transport.start();
    const Client in_head(transport.address());
    in_head.send("POST / HTTP/1.1\r\nHo");
    const Client in_body(transport.address());
    in_body.send(kWaitingPost);
    CHECK(in_body.receive(kContinue.size()) == kContinue);
    in_body.send("a");
    CHECK(transport.drain(kPatience));
    CHECK(in_head.receive_all().empty());
    CHECK(in_body.receive_all().empty());
  }
  SUBCASE("a byte now and then") {
    options.grace = 50ms;
    Transport transport(std::move(options));
    transport.start();
    const Client slow(transport.address());
    slow.send("POST /");
    auto drained = std::async(std::launch::async, [&] { return transport.drain(kPatience); });
    while (drained.wait_for(1ms) == std::future_status::timeout) {
      try {
        slow.send("x");
      } catch (const std::runtime_error&) {  // it is closed
      }
    }
    CHECK(drained.get());
  }
  SUBCASE("sending on while it does not read") {
    options.grace = 50ms;
    options.connection.respond = [](const RawRequest&) {
      return RawAnswer{.bytes = std::string(1'000, 'a')};
    };
    Transport transport(std::move(options));
    transport.start();
    const Client deaf(transport.address());
    deaf.send_what_fits(post(""));
    CHECK(transport.drain(kPatience));
  }
  SUBCASE("sending") {
    options.grace = 1h;
    Transport transport(std::move(options));
    transport.start();
    const Client slow(transport.address());
    slow.send(kWaitingPost);
    CHECK(slow.receive(kContinue.size()) == kContinue);
    auto drained = std::async(std::launch::async, [&] { return transport.drain(kPatience); });
    CHECK(eventually([&] { return refuses_connections(transport); }));
    slow.send("ab");
    CHECK(slow.receive(4) == "[ab]");
    slow.half_close();
    CHECK(drained.get());
  }
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
