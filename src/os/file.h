#pragma once

#include <string>

namespace webhook {

/// All bytes of a file. Throws std::runtime_error "FILE: cannot be read: why".
std::string read_file(const std::string& file);

}  // namespace webhook
