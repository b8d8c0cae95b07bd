#pragma once

#include <string>

#include "core/policy.h"

namespace webhook {

/// The profile in `file`, or the one that is built in if `file` is empty, with its checksum.
/// Throws std::runtime_error.
SeccompProfile load_seccomp_profile(const std::string& file);

}  // namespace webhook
