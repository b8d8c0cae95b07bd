#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "os/file_descriptor.h"

namespace webhook::test {

/// Longer than anything here takes, so that a failure ends too.
constexpr std::chrono::milliseconds kPatience{10'000};

/// A peer that waits at most kPatience for anything.
class Client {
 public:
  /// Of the server at `address`: "127.0.0.1:PORT".
  explicit Client(const std::string& address)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
      throw std::runtime_error("connect");
    }
  }

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// No more is sent.
  void half_close() const { ::shutdown(socket_.get(), SHUT_WR); }

  void send(std::string_view bytes) const {
    if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("send");
    }
  }

  /// The same bytes again and again, until nobody takes more.
  void send_what_fits(std::string_view bytes) const {
    while (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(bytes.size())) {
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

template <class Condition>
bool eventually(Condition holds) {
  for (const auto end = std::chrono::steady_clock::now() + kPatience;
       std::chrono::steady_clock::now() < end;) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace webhook::test
