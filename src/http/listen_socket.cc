#include "http/listen_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace webhook {
namespace {

/// A burst of pods opens many connections at once; the kernel caps this at net.core.somaxconn.
constexpr int kBacklog = 1024;

/// Of each connection, for each direction; the kernel takes twice as much, with what it needs
/// itself. Left alone it gives up to 10 MiB to a peer that does not read, or that sends while we
/// write, and counts it as memory of the pod.
constexpr int kSocketBuffer = 16 << 10;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  // The one cast that the sockets API asks for.
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress make_ipv4(const in_addr& host, std::uint16_t port) {
  SocketAddress address;
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_addr = host;
  ipv4.sin_port = htons(port);
  std::memcpy(&address.storage, &ipv4, sizeof ipv4);
  address.length = sizeof ipv4;
  return address;
}

SocketAddress make_ipv6(const in6_addr& host, std::uint16_t port) {
  SocketAddress address;
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_addr = host;
  ipv6.sin6_port = htons(port);
  std::memcpy(&address.storage, &ipv6, sizeof ipv6);
  address.length = sizeof ipv6;
  return address;
}

SocketAddress parse_address(const std::string& text) {
  const auto refuse = [&] {
    return std::runtime_error("listen '" + text +
                              "': not an address (expected IP:PORT, such as [::]:10250)");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw refuse();
  const std::string_view digits = std::string_view(text).substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) throw refuse();

  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  in_addr ipv4{};
  if (host.empty()) return make_ipv6(in6addr_any, port);
  if (inet_pton(AF_INET, host.c_str(), &ipv4) == 1) return make_ipv4(ipv4, port);
  in6_addr ipv6{};
  if (inet_pton(AF_INET6, host.c_str(), &ipv6) == 1) return make_ipv6(ipv6, port);
  throw refuse();
}

bool is_any_ipv6(const SocketAddress& address) {
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, &address.storage, sizeof ipv6);
  return address.storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&ipv6.sin6_addr);
}

void set_option(const FileDescriptor& socket, int level, int option, int value) {
  setsockopt(socket.get(), level, option, &value, sizeof value);
}

}  // namespace

FileDescriptor listen_on(const std::string& text) {
  SocketAddress address = parse_address(text);
  const auto open = [&] {
    return FileDescriptor(
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  };
  const auto fail = [&] {
    return std::runtime_error("listen '" + text + "': " + std::generic_category().message(errno) +
                              " (expected a free local address)");
  };
  FileDescriptor socket = open();
  if (socket.get() < 0 && errno == EAFNOSUPPORT && is_any_ipv6(address)) {
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, &address.storage, sizeof ipv6);
    address = make_ipv4({INADDR_ANY}, ntohs(ipv6.sin6_port));
    socket = open();
  }
  if (socket.get() < 0) throw fail();
  // Not SO_REUSEPORT: a second server on the same port must fail, not share its connections.
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  // What is accepted inherits these.
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_SNDBUF, kSocketBuffer);
  set_option(socket, SOL_SOCKET, SO_RCVBUF, kSocketBuffer);
  if (is_any_ipv6(address)) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(socket.get(), address.get(), address.length) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    throw fail();
  }
  return socket;
}

void stop_answering(const FileDescriptor& socket) {
  constexpr std::uint32_t kFlagsAt = offsetof(tcphdr, th_flags);
  constexpr std::uint32_t kWhole = 0xffff'ffff;
  std::array<sock_filter, 4> program{{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsAt),
                                      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
                                      BPF_STMT(BPF_RET | BPF_K, 0),
                                      BPF_STMT(BPF_RET | BPF_K, kWhole)}};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  // Where the kernel takes no filter, the close is as abrupt as anyone's.
  ::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

std::string local_address(const FileDescriptor& socket) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(socket.get(), address.get(), &address.length) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, &address.storage, sizeof ipv4);
    inet_ntop(AF_INET, &ipv4.sin_addr, host.data(), host.size());
    return std::string(host.data()) + ':' + std::to_string(ntohs(ipv4.sin_port));
  }
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, &address.storage, sizeof ipv6);
  inet_ntop(AF_INET6, &ipv6.sin6_addr, host.data(), host.size());
  return '[' + std::string(host.data()) + "]:" + std::to_string(ntohs(ipv6.sin6_port));
}

}  // namespace webhook
