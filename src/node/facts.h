#pragma once

#include <string>
#include <vector>

#include "node/container_runtime.h"

namespace webhook {

/// How something went that was tried on the node.
struct Attempt {
  std::string step;  ///< The system call or file that refused, if one did.
  int error = 0;     ///< Its errno; 0: everything was granted.
};

/// A file of the kernel, as it was read.
struct Reading {
  std::string text;  ///< Without the white space at its end.
  int error = 0;     ///< The errno of what went wrong; ENOENT: this kernel has no such file.
};

/// A file of the kubelet's seccomp directory with one of our names.
struct ProfileFile {
  std::string path;                 ///< Below that directory.
  bool is_stale_temporary = false;  ///< A killed installer left it; no more is read of it.
  bool is_regular = false;
  bool is_roots = false;  ///< Owned by 0:0, and nobody else may write to it.
  std::string sha256{};   ///< Of its content, in hex; empty if `error`.
  int error = 0;          ///< The errno of what went wrong; EFBIG: it is larger than any profile.
};

/// What code-executor pods need to know of a node. Read once (node/probe.h), judged by
/// check_node().
struct NodeFacts {
  std::string kernel_release;  ///< As uname(2) gives it, such as "6.8.0-45-generic".

  bool is_in_host_user_namespace = true;
  /// A seccomp filter or missing privileges may be what refused a trial, not the node.
  bool is_confined = false;

  Attempt idmap_tmpfs{};    ///< An id-mapped mount of a fresh tmpfs.
  std::string kubelet_dir;  ///< The kubelet's seccomp directory, as pods' hostPath names it.
  std::string
      idmap_kubelet_on;        ///< The directory it was tried on; empty: not even a parent exists.
  Attempt idmap_kubelet{};     ///< An id-mapped mount of that.
  std::string kubelet_root{};  ///< Of the kubelet that runs; empty: none is seen.

  std::string runtime_endpoint{};  ///< The runtime's CRI socket; empty: none is seen.
  std::string runtime_failure{};   ///< Why it could not be asked; empty if it was.
  ContainerRuntime runtime{};      ///< What it said.

  Attempt user_namespace{};       ///< A user namespace made, and used, without any capability.
  Reading max_user_namespaces{};  ///< Sysctl user.max_user_namespaces.
  Reading unprivileged_userns_clone{};  ///< Sysctl kernel.unprivileged_userns_clone (Debian).
  Reading apparmor_restricts_userns{};  ///< kernel.apparmor_restrict_unprivileged_userns (Ubuntu).
  Reading apparmor_enabled{};           ///< /sys/module/apparmor/parameters/enabled.
  Reading apparmor_profiles{};          ///< Those that are loaded: "name (mode)", one a line.
  Reading filesystems{};                ///< /proc/filesystems.
  Reading selinux_enforce{};            ///< /sys/fs/selinux/enforce.
  Reading selinux_label{};              ///< The context of `idmap_kubelet_on`.
  Reading seccomp_actions{};            ///< /proc/sys/kernel/seccomp/actions_avail.
  bool has_cgroup_v2 = false;
  bool has_cgroup_v1 = false;
  std::vector<ProfileFile> profile_files{};

  std::string app_armor_profile;  ///< What the policy gives pods: sandbox.appArmorProfile.
};

}  // namespace webhook
