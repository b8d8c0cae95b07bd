#pragma once

#include <filesystem>

#include "node/facts.h"

namespace webhook {

// Each tries what the kernel grants, because no version number or file tells for sure: vendors
// backport features, and file systems differ. Each throws std::runtime_error if it cannot start a
// child.

/// Id-maps a new tmpfs, as the kubelet's volumes are, to the ids of a pod. It is attached nowhere.
Attempt try_idmap_tmpfs();

/// Id-maps a copy of the mount of `directory`, attached nowhere.
Attempt try_idmap(const std::filesystem::path& directory);

/// Makes a user namespace from a child without capabilities, as nsjail does in its pod, and uses a
/// capability inside: AppArmor can grant the namespace and withhold those.
Attempt try_user_namespace();

}  // namespace webhook
