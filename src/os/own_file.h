#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace webhook {

/// All bytes of a file that nobody else can have written: it and its directory belong to this
/// process' user or to root, and only their owner may write to them, and it has at most
/// `max_bytes`. Throws std::runtime_error "FILE: belongs to user 1000 (expected ...)".
std::string read_own_file(const std::filesystem::path& file, std::size_t max_bytes);

}  // namespace webhook
