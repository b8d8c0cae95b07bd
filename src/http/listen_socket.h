#pragma once

#include <string>

#include "os/file_descriptor.h"

namespace webhook {

/// A non-blocking listening TCP socket on `address`: "[::]:10250" takes IPv4 too (and IPv4 only
/// where the kernel has no IPv6), "127.0.0.1:0" picks a port. Throws std::runtime_error.
FileDescriptor listen_on(const std::string& address);

/// From now on the kernel answers no new connection on `socket`, but ends the handshakes that have
/// begun. A client that is not answered asks again, and by then is refused or sent elsewhere; one
/// whose handshake the kernel ended before a close would be reset.
void stop_answering(const FileDescriptor& socket);

/// Where `socket` listens: "[::]:10250".
std::string local_address(const FileDescriptor& socket);

}  // namespace webhook
