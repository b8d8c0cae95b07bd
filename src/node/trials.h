#pragma once

#include <filesystem>

#include "node/facts.h"

namespace webhook {

// What the kernel grants is tried, since no version number or file tells it for sure: vendors bring
// features back, and file systems differ. Each throws std::runtime_error where no child can be
// started.

/// Id-maps a new tmpfs, as the kubelet's volumes are, to the ids of a pod. It is attached nowhere.
Attempt try_idmap_tmpfs();

/// Id-maps a copy of the mount of `directory`, attached nowhere.
Attempt try_idmap(const std::filesystem::path& directory);

/// Makes a user namespace from a child without capabilities, as nsjail does in its pod, and uses a
/// capability inside: AppArmor can grant the namespace and withhold those.
Attempt try_user_namespace();

}  // namespace webhook
