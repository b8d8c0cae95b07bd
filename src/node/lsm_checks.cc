#include "node/lsm_checks.h"

#include <array>
#include <cerrno>
#include <string>

#include "node/reading.h"

namespace webhook {
namespace {

using enum CheckStatus;

constexpr std::string_view kLocalhost = "Localhost/";

/// The name of a Localhost profile, or empty.
std::string localhost_name(const NodeFacts& facts) {
  const std::string& profile = facts.app_armor_profile;
  return profile.starts_with(kLocalhost) ? profile.substr(kLocalhost.size()) : std::string();
}

bool is_loaded(const Reading& profiles, const std::string& name) {
  return ('\n' + profiles.text).find('\n' + name + " (") != std::string::npos;
}

NodeCheck check_localhost_profile(const NodeFacts& facts, const std::string& name) {
  const std::string found = "on; pods get " + facts.app_armor_profile;
  if (facts.apparmor_profiles.error != 0) {
    return {"apparmor", kWarn, found,
            "whether it is loaded could not be read: it must be, on each node"};
  }
  if (is_loaded(facts.apparmor_profiles, name)) {
    return {"apparmor", kPass, found, "it is loaded"};
  }
  return {"apparmor", kFail, found,
          "it is not loaded, and the pod is refused: load it with apparmor_parser -r"};
}

/// The type of "user:role:type:level".
std::string type_of(const std::string& context) {
  const auto first = context.find(':');
  const auto second = context.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos) return {};
  return context.substr(second + 1, context.find(':', second + 1) - second - 1);
}

NodeCheck check_enforcing_selinux(const NodeFacts& facts) {
  const std::string type = facts.selinux_label.error == 0 ? type_of(facts.selinux_label.text) : "";
  const std::string found =
      "enforcing; " + facts.idmap_kubelet_on + " is " + (type.empty() ? "unlabelled" : type);
  // container_t writes to this type alone (container-selinux; the second is its old name).
  for (const char* const writable : {"container_file_t", "svirt_sandbox_file_t"}) {
    if (type == writable) return {"selinux", kPass, found, "containers may write there"};
  }
  for (const char* const kept : {"var_lib_t", "container_var_lib_t", "kubelet_var_lib_t"}) {
    if (type != kept) continue;
    return {"selinux", kFail, found,
            "install-seccomp may not write there: semanage fcontext -a -t container_file_t '" +
                facts.kubelet_dir + "(/.*)?' && restorecon -R " + facts.kubelet_dir};
  }
  return {"selinux", kWarn, found,
          "the node's policy must let containers write there, or install-seccomp fails"};
}

}  // namespace

NodeCheck check_apparmor_userns(const NodeFacts& facts) {
  constexpr const char* kId = "apparmor-userns";
  const Reading& sysctl = facts.apparmor_restricts_userns;
  const std::string found = "kernel.apparmor_restrict_unprivileged_userns: " + described(sysctl);
  if (sysctl.error == ENOENT) {
    return {kId, kPass, found, "AppArmor does not restrict user namespaces here"};
  }
  const auto value = number_of(sysctl);
  if (!value) return {kId, kWarn, found, "could not be read: 1 keeps nsjail from its jails"};
  if (*value == 0) return {kId, kPass, found, "nsjail may make user namespaces"};
  if (!localhost_name(facts).empty()) {
    return {kId, kWarn, found, facts.app_armor_profile + " must have the rule `userns,`"};
  }
  return {kId, kFail, found,
          "nsjail cannot start a jail: load a profile with the rule `userns,` and set "
          "sandbox.appArmorProfile: Localhost/<name>, or set the sysctl to 0"};
}

NodeCheck check_apparmor(const NodeFacts& facts) {
  const std::string& profile = facts.app_armor_profile;
  const std::string wanted = profile.empty() ? "the runtime's default profile" : profile;
  if (facts.apparmor_enabled.error != 0 && facts.apparmor_enabled.error != ENOENT) {
    return {"apparmor", kWarn, described(facts.apparmor_enabled),
            "could not be read: whether AppArmor confines pods is not known"};
  }
  const bool is_on = facts.apparmor_enabled.text == "Y";
  if (profile == "Unconfined") {
    return {"apparmor", kPass, is_on ? "on; pods get Unconfined" : "off",
            "AppArmor does not stand in nsjail's way when it mounts"};
  }
  if (!is_on && profile.empty()) return {"apparmor", kPass, "off", "no profile is attached"};
  if (!is_on) {
    return {"apparmor", kFail, "off; pods get " + wanted,
            "the kubelet refuses the pod: set sandbox.appArmorProfile: Unconfined"};
  }
  if (const std::string name = localhost_name(facts); !name.empty()) {
    return check_localhost_profile(facts, name);
  }
  return {"apparmor", kFail, "on; pods get " + wanted,
          "it denies nsjail's mounts: set sandbox.appArmorProfile: Unconfined or Localhost/<name>"};
}

NodeCheck check_selinux(const NodeFacts& facts) {
  const Reading& enforce = facts.selinux_enforce;
  if (enforce.error == 0 && enforce.text == "1") return check_enforcing_selinux(facts);
  if (enforce.error == 0) return {"selinux", kPass, "permissive", "denies nothing"};
  const bool is_in_kernel = facts.filesystems.text.find("selinuxfs") != std::string::npos;
  if (enforce.error == ENOENT && facts.filesystems.error == 0 && !is_in_kernel) {
    return {"selinux", kPass, "off", "denies nothing"};
  }
  return {"selinux", kWarn, "on; /sys/fs/selinux/enforce: " + described(enforce),
          "whether it enforces could not be read: give this the host's /sys (--host-root)"};
}

}  // namespace webhook
