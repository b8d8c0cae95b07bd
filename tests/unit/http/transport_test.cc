// The transport alone, without TLS, over loopback: what it hands to a function that answers.
#include "http/transport.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace webhook {
namespace {

using namespace std::chrono_literals;

/// Longer than anything here takes, so that a failure ends too.
constexpr std::chrono::milliseconds kPatience = 10s;

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
                         .respond =
                             [](const RawRequest& request) {
                               return RawAnswer{.bytes = '[' + std::string(request.body) + ']',
                                                .closes = !request.keeps_alive};
                             },
                         .refuse =
                             [](const Refusal& refusal) {
                               return "refused " + std::to_string(refusal.status);
                             }}};
}

/// A peer that waits at most kPatience for anything.
class Client {
 public:
  explicit Client(const Transport& to)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP)) {
    const std::string& address = to.address();
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
      throw std::runtime_error("connect");
    }
  }

  void send(std::string_view bytes) const {
    if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("send");
    }
  }

  /// The next `size` bytes, or fewer if the connection ends before.
  std::string receive(std::size_t size) const {
    std::string received;
    std::array<char, 4096> buffer{};
    while (received.size() < size) {
      pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, static_cast<int>(kPatience.count())) <= 0) {
        throw std::runtime_error("nothing came after: " + received);
      }
      const ssize_t got =
          ::recv(socket_.get(), buffer.data(), std::min(buffer.size(), size - received.size()), 0);
      if (got <= 0) break;
      received.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return received;
  }

  /// All that still comes before the connection ends.
  std::string receive_all() const { return receive(std::string::npos); }

 private:
  FileDescriptor socket_;
};

bool refuses_connections(const Transport& transport) {
  try {
    const Client client(transport);
  } catch (const std::runtime_error&) {
    return true;
  }
  return false;
}

template <class Condition>
bool eventually(Condition holds) {
  for (const auto end = Clock::now() + kPatience; Clock::now() < end;) {
    if (holds()) return true;
    std::this_thread::sleep_for(1ms);
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
  Client client{transport};
};

TEST_CASE("a request is handed on whole, however it arrives, and the next one after it") {
  Transport transport(echo());
  transport.start();
  const Client client(transport);
  for (const char c : post("one")) client.send(std::string_view(&c, 1));
  CHECK(client.receive(5) == "[one]");
  client.send(post("two") + post("three"));
  CHECK(client.receive(12) == "[two][three]");
  CHECK(transport.open_connections() == 1);
}

TEST_CASE("the connection ends when either side wants it to") {
  Transport transport(echo());
  transport.start();
  const Client client(transport);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(client.receive_all() == "[]");
  { const Client gone(transport); }
  CHECK(eventually([&] { return transport.open_connections() == 0; }));
}

TEST_CASE("what is no request is refused, and what comes after it is not read") {
  Transport transport(echo());
  transport.start();
  const Client client(transport);
  client.send("GET /\n" + post("smuggled"));
  CHECK(client.receive_all() == "refused 400");
}

TEST_CASE("who waits to be told to go on is told once") {
  Transport transport(echo());
  transport.start();
  const Client client(transport);
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
  CHECK(eventually([&] {
    const std::array<Client, 4> clients{Client(transport), Client(transport), Client(transport),
                                        Client(transport)};
    for (const Client& client : clients) client.send(most);
    for (const Client& client : clients) client.send(rest);
    return std::any_of(clients.begin(), clients.end(),
                       [](const Client& client) { return client.receive(11) == "refused 503"; });
  }));
  CHECK(eventually([&] { return transport.open_connections() == 0; }));
  const Client alone(transport);
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
    const Client client(transport);
    client.send(post("a"));
    CHECK(client.receive_all() == "[a]");
  }
  SUBCASE("a request that does not arrive") {
    deadlines.request = 50ms;
    Transport transport(std::move(options));
    transport.start();
    const Client client(transport);
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
    const Client client(transport);
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
  const Client half_open(transport);
  half_open.send(kWaitingPost);
  CHECK(half_open.receive(kContinue.size()) == kContinue);
  const Client later_half_open(transport);
  later_half_open.send(kWaitingPost);
  CHECK(later_half_open.receive(kContinue.size()) == kContinue);
  const Client used(transport);
  used.send(post("a"));
  CHECK(used.receive(3) == "[a]");
  const Client newcomer(transport);
  newcomer.send(post("b"));
  CHECK(newcomer.receive(3) == "[b]");
  CHECK(half_open.receive_all().empty());
  later_half_open.send("cc");
  CHECK(later_half_open.receive(4) == "[cc]");
  // Now all three have been of use: the next one is refused.
  const Client refused(transport);
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
