#include "http/peer_group.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace webhook {
namespace {

PeerGroup group(const std::string& address) {
  sockaddr_storage storage{};
  sockaddr_in ipv4{};
  sockaddr_in6 ipv6{};
  if (inet_pton(AF_INET, address.c_str(), &ipv4.sin_addr) == 1) {
    ipv4.sin_family = AF_INET;
    std::memcpy(&storage, &ipv4, sizeof ipv4);
  } else {
    REQUIRE(inet_pton(AF_INET6, address.c_str(), &ipv6.sin6_addr) == 1);
    ipv6.sin6_family = AF_INET6;
    std::memcpy(&storage, &ipv6, sizeof ipv6);
  }
  return to_peer_group(storage);
}

TEST_CASE("an IPv4 address is a group, however it is shown") {
  CHECK(group("10.0.0.1") == group("10.0.0.1"));
  CHECK(group("10.0.0.1") == group("::ffff:10.0.0.1"));
  CHECK(group("10.0.0.1") != group("10.0.0.2"));
  CHECK(group("10.0.0.1") != group("::a00:1"));
}

TEST_CASE("an IPv6 network of 64 bits is a group") {
  CHECK(group("2001:db8:1:2::1") == group("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  CHECK(group("2001:db8:1:2::1") != group("2001:db8:1:3::1"));
  CHECK(group("::1") == group("::2"));
  CHECK(group("::1") != group("1::1"));
}

}  // namespace
}  // namespace webhook
