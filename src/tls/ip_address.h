#pragma once

#include <string>

namespace webhook {

/// True for an IPv4 or IPv6 address without brackets or zone: certificates have a kind of name for
/// it, and TLS never sends it as the name of a server (RFC 6066, section 3).
bool is_ip_address(const std::string& text);

}  // namespace webhook
