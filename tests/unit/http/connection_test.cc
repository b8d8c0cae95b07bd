// When a drain may close a connection, at any time that a test likes.
#include "http/connection.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "unit/http/echo_transport.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;

/// A connection, and the peer's end of it.
class Connected {
 public:
  Connected() : Connected(make_pair()) {}

  Connection::Wants hear(std::string_view bytes) {
    if (::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("send");
    }
    return connection.advance([] { return false; });
  }

 private:
  static std::array<int, 2> make_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw std::runtime_error("socketpair");
    }
    return ends;
  }
  explicit Connected(std::array<int, 2> ends)
      : peer_(ends[0]), connection(Stream(FileDescriptor(ends[1]), nullptr), context_) {}

  const ConnectionContext context_ = test::echo().connection;
  FileDescriptor peer_;

 public:
  Connection connection;
};

constexpr auto kGrace = 5s;

TEST_CASE("a drain waits for the rest of a request, however long that has been silent") {
  Connected connected;
  connected.hear("POST / HTTP/1.1\r\nHo");
  const auto began = Clock::now() + 1h;
  CHECK_FALSE(connected.connection.may_be_drained(began, began, kGrace));
  CHECK_FALSE(connected.connection.may_be_drained(began + kGrace - 1ms, began, kGrace));
  CHECK(connected.connection.may_be_drained(began + kGrace, began, kGrace));
}

TEST_CASE("a drain waits for a first request as long after the connection is there") {
  const Connected connected;
  const auto accepted = connected.connection.accepted();
  CHECK_FALSE(connected.connection.may_be_drained(accepted, accepted, kGrace));
  CHECK_FALSE(connected.connection.may_be_drained(accepted + kGrace - 1ms, accepted, kGrace));
  CHECK(connected.connection.may_be_drained(accepted + kGrace, accepted + kGrace, kGrace));
}

TEST_CASE("a drain does not wait for who has been answered") {
  Connected connected;
  CHECK(connected.hear(test::post("a")) == Connection::Wants::kRead);
  const auto began = Clock::now();
  CHECK(connected.connection.may_be_drained(began, began, kGrace));
}

}  // namespace
}  // namespace webhook
