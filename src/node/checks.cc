#include "node/checks.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>

#include "node/lsm_checks.h"
#include "node/profile_checks.h"
#include "node/reading.h"
#include "node/runtime_check.h"
#include "scheduling/node_verdict.h"

namespace webhook {
namespace {

using enum CheckStatus;

/// Enough for a user namespace for each of a kubelet's 110 pods, and for the jails in some of them.
constexpr std::uint64_t kFewUserNamespaces = 1024;

constexpr const char* kKeepOff = ", or keep code-executor pods off this node";

std::string message_of(const Attempt& attempt) {
  return attempt.step + ": " + std::generic_category().message(attempt.error);
}

bool is_denied(const Attempt& attempt) { return attempt.error == EPERM || attempt.error == EACCES; }

NodeCheck check_kernel(const NodeFacts& facts) {
  const std::string& found = facts.kernel_release;
  const auto version = parse_kernel_version(found);
  if (!version) {
    return {
        "kernel", kWarn, found,
        "not a release that can be compared (expected " + to_string(kOldestKernel) + " or later)"};
  }
  if (*version >= kOldestKernel) {
    return {"kernel", kPass, found,
            to_string(kOldestKernel) + " or later, as user namespaces of pods need"};
  }
  if (facts.idmap_tmpfs.error == 0) {
    return {"kernel", kWarn, found,
            "older than " + to_string(kOldestKernel) +
                ", yet id-mapped mounts on tmpfs work: the vendor brought them back"};
  }
  return {"kernel", kFail, found,
          "pods with hostUsers: false do not start: upgrade to " + to_string(kOldestKernel) +
              " or later" + kKeepOff};
}

NodeCheck check_idmap(std::string_view id, const Attempt& attempt, const std::string& where,
                      const std::string& on_failure) {
  if (attempt.error == 0) {
    return {id, kPass, where + ": id-mapped", "volumes keep their owners inside the pod"};
  }
  const std::string found = where + ": " + message_of(attempt);
  if (is_denied(attempt)) {
    return {
        id, kWarn, found,
        "could not be tried: run this as root, unconfined, with SYS_ADMIN, SETUID and SETGID, in "
        "the host's user namespace"};
  }
  return {id, kFail, found, on_failure + kKeepOff};
}

NodeCheck check_idmap_tmpfs(const NodeFacts& facts) {
  return check_idmap("idmap-tmpfs", facts.idmap_tmpfs, "a fresh tmpfs",
                     "pods with a token or Secret do not start: upgrade the kernel to " +
                         to_string(kOldestKernel) + " or later");
}

NodeCheck check_idmap_kubelet(const NodeFacts& facts) {
  if (facts.idmap_kubelet_on.empty()) {
    return {"idmap-kubelet", kFail, facts.kubelet_dir + ": no such directory, nor its parent",
            "the kubelet would not find the profile: say where its directory is (--kubelet-root, "
            "and sandbox.seccomp.kubeletSeccompDir of the webhook)"};
  }
  return check_idmap("idmap-kubelet", facts.idmap_kubelet, facts.idmap_kubelet_on,
                     "install-seccomp cannot write the profile: put this directory on a file "
                     "system with id-mapped mounts, such as ext4, xfs or btrfs");
}

/// Where the kubelet looks for profiles is where pods install theirs.
NodeCheck check_kubelet_root(const NodeFacts& facts) {
  const std::string wanted = facts.kubelet_root + "/seccomp";
  const bool is_same = facts.kubelet_dir == wanted;
  return {"kubelet-root", is_same ? kPass : kFail, facts.kubelet_root,
          is_same ? "pods install the profile where this kubelet looks"
                  : "this kubelet looks for profiles in " + wanted + ", not in " +
                        facts.kubelet_dir + ": set sandbox.seccomp.kubeletSeccompDir"};
}

NodeCheck check_user_namespace(const NodeFacts& facts) {
  if (facts.user_namespace.error == 0) {
    return {"user-namespaces", kPass, "made without any capability", "nsjail can start its jails"};
  }
  const std::string found = message_of(facts.user_namespace);
  if (is_denied(facts.user_namespace) && facts.is_confined) {
    return {"user-namespaces", kWarn, found,
            "the seccomp filter of this process may be what refused: run it with SYS_ADMIN"};
  }
  return {
      "user-namespaces", kFail, found,
      std::string("nsjail cannot start a jail: the checks below say what forbids it") + kKeepOff};
}

NodeCheck check_max_user_namespaces(const NodeFacts& facts) {
  constexpr const char* kId = "max-user-namespaces";
  const Reading& sysctl = facts.max_user_namespaces;
  const auto limit = number_of(sysctl);
  if (!limit) {
    return {kId, sysctl.error == ENOENT ? kFail : kWarn,
            "user.max_user_namespaces: " + described(sysctl),
            "a kernel without it has no user namespaces (CONFIG_USER_NS)"};
  }
  const std::string found = "user.max_user_namespaces=" + sysctl.text;
  if (*limit == 0) {
    return {kId, kFail, found,
            "no pod can have a user namespace: sysctl -w user.max_user_namespaces=65536, and in "
            "/etc/sysctl.d"};
  }
  if (*limit < kFewUserNamespaces) {
    return {kId, kWarn, found,
            "each pod takes one and each jail another: raise it to 1024 or more in /etc/sysctl.d"};
  }
  if (!facts.is_in_host_user_namespace) {
    return {kId, kWarn, found,
            "of the user namespace this runs in, not the host's: run it with hostUsers: true"};
  }
  return {kId, kPass, found, "enough for each pod and each jail"};
}

NodeCheck check_unprivileged_userns_clone(const NodeFacts& facts) {
  constexpr const char* kId = "unprivileged-userns-clone";
  const Reading& sysctl = facts.unprivileged_userns_clone;
  const std::string found = "kernel.unprivileged_userns_clone: " + described(sysctl);
  if (sysctl.error == ENOENT) {
    return {kId, kPass, found, "this kernel does not restrict user namespaces that way"};
  }
  const auto value = number_of(sysctl);
  if (!value) return {kId, kWarn, found, "could not be read: it must not be 0"};
  if (*value != 0) return {kId, kPass, found, "nsjail may make user namespaces"};
  return {kId, kFail, found,
          "nsjail cannot start a jail: sysctl -w kernel.unprivileged_userns_clone=1, and in "
          "/etc/sysctl.d"};
}

NodeCheck check_seccomp(const NodeFacts& facts) {
  const Reading& actions = facts.seccomp_actions;
  if (actions.error != 0) {
    return {"seccomp", actions.error == ENOENT ? kFail : kWarn,
            "kernel.seccomp.actions_avail: " + described(actions),
            "pods with a profile need CONFIG_SECCOMP_FILTER in the kernel"};
  }
  std::istringstream words(actions.text);
  const std::set<std::string> available{std::istream_iterator<std::string>(words), {}};
  // All that the profile answers with (profiles/nsjail-seccomp.json).
  if (available.contains("allow") && available.contains("errno")) {
    return {"seccomp", kPass, actions.text, "has every action of the profile"};
  }
  return {"seccomp", kFail, actions.text,
          "the profile cannot be loaded: it needs a kernel with the actions allow and errno"};
}

NodeCheck check_cgroup(const NodeFacts& facts) {
  if (facts.has_cgroup_v2) return {"cgroup", kPass, "v2", "what the kubelet and nsjail expect"};
  if (facts.has_cgroup_v1) {
    return {"cgroup", kWarn, "v1",
            "kubelets from 1.35 on do not start with it unless told to: boot with "
            "systemd.unified_cgroup_hierarchy=1"};
  }
  return {"cgroup", kFail, "none in /sys/fs/cgroup",
          "no kubelet runs without it: is this the node's /sys (--host-root)?"};
}

}  // namespace

std::string_view to_string(CheckStatus status) {
  switch (status) {
    case kPass: return "pass";
    case kWarn: return "warn";
    case kFail: return "fail";
  }
  return "";
}

std::vector<NodeCheck> check_node(const NodeFacts& facts) {
  std::vector<NodeCheck> checks = {check_kernel(facts),
                                   check_idmap_tmpfs(facts),
                                   check_idmap_kubelet(facts),
                                   check_user_namespace(facts),
                                   check_max_user_namespaces(facts),
                                   check_unprivileged_userns_clone(facts),
                                   check_apparmor_userns(facts),
                                   check_apparmor(facts),
                                   check_selinux(facts),
                                   check_seccomp(facts),
                                   check_profile_files(facts),
                                   check_cgroup(facts)};
  if (!facts.runtime_endpoint.empty()) checks.push_back(check_container_runtime(facts));
  if (!facts.kubelet_root.empty()) checks.push_back(check_kubelet_root(facts));
  return checks;
}

CheckStatus worst_of(const std::vector<NodeCheck>& checks) {
  CheckStatus worst = kPass;
  for (const NodeCheck& check : checks) worst = std::max(worst, check.status);
  return worst;
}

std::optional<bool> to_sandbox_label(const NodeFacts& facts, const std::vector<NodeCheck>& checks) {
  if (worst_of(checks) == kFail) return false;
  // Of a kernel that is older by its number, what it can do was tried.
  const bool was_tried = facts.idmap_tmpfs.error == 0;
  bool was_runtime_asked = false;
  for (const NodeCheck& check : checks) {
    const bool is_fine = check.status == kPass || (check.id == "kernel" && was_tried);
    if (!is_fine) return std::nullopt;
    was_runtime_asked = was_runtime_asked || check.id == "container-runtime";
  }
  return was_runtime_asked ? std::optional(true) : std::nullopt;
}

}  // namespace webhook
