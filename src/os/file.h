#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "os/file_descriptor.h"

namespace webhook {

/// All bytes of a regular file, or of what a symbolic link to one leads to. Never waits: a FIFO, a
/// device and a directory are refused, and so is a file of more than `max_bytes`. Error: "FILE:
/// cannot be read: why", "FILE: is a FIFO, not a regular file", "FILE: is larger than 1024 KiB".
Result<std::string> try_read_file(const std::string& file, std::size_t max_bytes);

/// As try_read_file(), for the time before the server runs: throws std::runtime_error.
std::string read_file(const std::string& file, std::size_t max_bytes);

/// As try_read_file(), of what is open (O_NONBLOCK) under the name `name`.
Result<std::string> read_open_file(const FileDescriptor& fd, const std::string& name,
                                   std::size_t max_bytes);

/// All bytes of a file of any kind up to its end: what a user names on a command line may be a
/// pipe, <(kubectl get pod -o yaml), and the user can interrupt it. Throws std::runtime_error.
std::string read_to_end(const std::string& file);

/// All bytes of standard input. Throws std::runtime_error "standard input: cannot be read: why".
std::string read_standard_input();

}  // namespace webhook
