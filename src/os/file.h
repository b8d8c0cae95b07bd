#pragma once

#include <string>

#include "base/result.h"

namespace webhook {

/// All bytes of a file. Error: "FILE: cannot be read: why".
Result<std::string> try_read_file(const std::string& file);

/// As try_read_file(), for the time before the server runs: throws std::runtime_error.
std::string read_file(const std::string& file);

/// All bytes of standard input. Throws std::runtime_error "standard input: cannot be read: why".
std::string read_standard_input();

}  // namespace webhook
