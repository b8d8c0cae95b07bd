#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstdint>

namespace webhook {

/// Where a connection comes from: an IPv4 address, or an IPv6 network of 64 bits, of which one host
/// may use every address.
struct PeerGroup {
  bool is_ipv4 = false;
  std::uint64_t bits = 0;

  friend auto operator<=>(const PeerGroup&, const PeerGroup&) = default;
};

/// An IPv4 address that an IPv6 socket shows as ::ffff:a.b.c.d is an IPv4 address.
PeerGroup to_peer_group(const sockaddr_storage& address);

}  // namespace webhook
