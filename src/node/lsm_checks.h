#pragma once

#include "node/checks.h"

namespace webhook {

// The checks of AppArmor and SELinux. Parts of check_node().

/// Whether AppArmor keeps programs without privileges from user namespaces, as Ubuntu does.
NodeCheck check_apparmor_userns(const NodeFacts& facts);

/// Whether the AppArmor profile that the policy gives to pods lets nsjail mount.
NodeCheck check_apparmor(const NodeFacts& facts);

/// Whether SELinux lets the init container write to the kubelet's seccomp directory.
NodeCheck check_selinux(const NodeFacts& facts);

}  // namespace webhook
