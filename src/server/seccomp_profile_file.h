#pragma once

#include <string>

#include "admission/policy.h"
#include "base/result.h"

namespace webhook {

/// The profile in `file`, or the one that is built in if `file` is empty, with its checksum.
/// Error: it cannot be read, or it is not a profile that `delivery` can carry.
Result<SeccompProfile> load_seccomp_profile(const std::string& file, Delivery delivery);

}  // namespace webhook
