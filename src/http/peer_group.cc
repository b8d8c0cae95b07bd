#include "http/peer_group.h"

#include <netinet/in.h>

#include <cstring>

namespace webhook {
namespace {

/// The number in `size` bytes, the first of them highest.
std::uint64_t to_number(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8U | bytes[i];
  return number;
}

}  // namespace

PeerGroup to_peer_group(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, &address, sizeof ipv4);
    return {.is_ipv4 = true, .bits = ntohl(ipv4.sin_addr.s_addr)};
  }
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, &address, sizeof ipv6);
  const std::uint8_t* bytes = ipv6.sin6_addr.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
    return {.is_ipv4 = true, .bits = to_number(bytes + 12, 4)};
  }
  return {.is_ipv4 = false, .bits = to_number(bytes, 8)};
}

}  // namespace webhook
