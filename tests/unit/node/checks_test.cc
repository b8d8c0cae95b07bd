#include "node/checks.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <functional>

namespace webhook {
namespace {

const Reading kAbsent{"", ENOENT};
const Reading kUnreadable{"", EACCES};

/// A Debian-like node on which everything works.
NodeFacts good_node() {
  return {.kernel_release = "6.12.43-amd64",
          .kubelet_dir = "/var/lib/kubelet/seccomp",
          .idmap_kubelet_on = "/var/lib/kubelet/seccomp",
          .max_user_namespaces = {"96365"},
          .unprivileged_userns_clone = {"1"},
          .apparmor_restricts_userns = {"0"},
          .apparmor_enabled = {"Y"},
          .apparmor_profiles = {"cri-containerd.apparmor.d (enforce)\nnsjail (unconfined)"},
          .filesystems = {"nodev\tsysfs\nnodev\ttmpfs\n\text4"},
          .selinux_enforce = kAbsent,
          .selinux_label = {"", ENODATA},
          .seccomp_actions = {"kill_process kill_thread trap errno user_notif trace log allow"},
          .has_cgroup_v2 = true,
          .app_armor_profile = "Unconfined"};
}

NodeCheck check_of(std::string_view id, const NodeFacts& facts) {
  for (const NodeCheck& check : check_node(facts)) {
    if (check.id == id) return check;
  }
  FAIL("no check " << id);
  return {};
}

struct Row {
  std::function<void(NodeFacts&)> change;
  CheckStatus want;
  std::string found;
  std::string meaning;  // a part of it
};

void check_rows(std::string_view id, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    NodeFacts facts = good_node();
    row.change(facts);
    const NodeCheck check = check_of(id, facts);
    CAPTURE(id);
    CAPTURE(row.found);
    CHECK(to_string(check.status) == to_string(row.want));
    CHECK(check.found == row.found);
    CAPTURE(check.meaning);
    CHECK(check.meaning.find(row.meaning) != std::string::npos);
    CHECK((check.found + check.meaning).find('\n') == std::string::npos);
  }
}

constexpr auto kPass = CheckStatus::kPass;
constexpr auto kWarn = CheckStatus::kWarn;
constexpr auto kFail = CheckStatus::kFail;

TEST_CASE("a node that can run code-executor pods passes every check") {
  const auto checks = check_node(good_node());
  CHECK(checks.size() == 12);
  for (const NodeCheck& check : checks) {
    CAPTURE(check.id);
    CHECK(to_string(check.status) == "pass");
    CHECK_FALSE(check.found.empty());
    CHECK_FALSE(check.meaning.empty());
  }
  CHECK(worst_of(checks) == kPass);
}

TEST_CASE("a label is advised where it is sure, and the runtime was asked") {
  const auto label_of = [](const NodeFacts& facts) {
    return to_sandbox_label(facts, check_node(facts));
  };
  NodeFacts facts = good_node();
  CHECK_FALSE(label_of(facts).has_value());
  facts.runtime_endpoint = "/run/containerd/containerd.sock";
  facts.runtime = {.name = "containerd", .version = "2.1.4", .handlers = {{"", true}}};
  CHECK(label_of(facts) == true);
  facts.kernel_release = "5.14.0-427.13.1.el9_4.x86_64";
  CHECK(label_of(facts) == true);
  facts.has_cgroup_v2 = false;
  facts.has_cgroup_v1 = true;  // warns
  CHECK_FALSE(label_of(facts).has_value());
  facts.has_cgroup_v1 = false;  // fails
  CHECK(label_of(facts) == false);
  facts.has_cgroup_v2 = true;
  facts.idmap_tmpfs = {"mount_setattr", EINVAL};
  CHECK(label_of(facts) == false);
  facts.idmap_tmpfs = {"mount_setattr", EPERM};  // could not be tried
  CHECK(label_of(facts) == false);
  facts.kernel_release = "6.8.0-45-generic";
  CHECK_FALSE(label_of(facts).has_value());
}

TEST_CASE("the worst check decides") {
  NodeFacts facts = good_node();
  facts.has_cgroup_v2 = false;
  facts.has_cgroup_v1 = true;
  CHECK(worst_of(check_node(facts)) == kWarn);
  facts.max_user_namespaces = {"0"};
  CHECK(worst_of(check_node(facts)) == kFail);
}

TEST_CASE("kernel: 6.3 or later, or an older one that id-maps tmpfs all the same") {
  const auto release = [](const char* text, int error) {
    return [=](NodeFacts& facts) {
      facts.kernel_release = text;
      facts.idmap_tmpfs = {"mount_setattr", error};
    };
  };
  check_rows("kernel",
             {{release("6.3.0", 0), kPass, "6.3.0", "6.3 or later"},
              {release("6.10.2-1.el9.x86_64", 0), kPass, "6.10.2-1.el9.x86_64", ""},
              {release("7.0", 0), kPass, "7.0", ""},
              {release("5.14.0-503.el9.x86_64", 0), kWarn, "5.14.0-503.el9.x86_64", "work"},
              {release("6.2.16", EINVAL), kFail, "6.2.16", "upgrade to 6.3"},
              {release("5.15.0-1073-aws", EINVAL), kFail, "5.15.0-1073-aws", "do not start"},
              {release("", 0), kWarn, "", "expected 6.3"},
              {release("six", 0), kWarn, "six", "expected 6.3"},
              {release("6-3", 0), kWarn, "6-3", "expected 6.3"}});
}

TEST_CASE("idmap-tmpfs: what was tried counts") {
  const auto attempt = [](const char* step, int error) {
    return [=](NodeFacts& facts) { facts.idmap_tmpfs = {step, error}; };
  };
  check_rows(
      "idmap-tmpfs",
      {{attempt("", 0), kPass, "a fresh tmpfs: id-mapped", ""},
       {attempt("fsopen", EPERM), kWarn, "a fresh tmpfs: fsopen: Operation not permitted",
        "SYS_ADMIN, SETUID and SETGID"},
       {attempt("uid_map", EACCES), kWarn, "a fresh tmpfs: uid_map: Permission denied", ""},
       {attempt("mount_setattr", EINVAL), kFail, "a fresh tmpfs: mount_setattr: Invalid argument",
        "6.3"},
       {attempt("mount_setattr", ENOSYS), kFail,
        "a fresh tmpfs: mount_setattr: Function not implemented", "6.3"},
       {attempt("unshare", ENOSPC), kFail, "a fresh tmpfs: unshare: No space left on device", ""}});
}

TEST_CASE("idmap-kubelet: on the seccomp directory, or the parent it will be made in") {
  const auto on = [](const char* directory, Attempt attempt) {
    return [=](NodeFacts& facts) {
      facts.idmap_kubelet_on = directory;
      facts.idmap_kubelet = attempt;
    };
  };
  check_rows(
      "idmap-kubelet",
      {{on("/var/lib/kubelet", {}), kPass, "/var/lib/kubelet: id-mapped", ""},
       {on("/k", {"open_tree", EPERM}), kWarn, "/k: open_tree: Operation not permitted", "as root"},
       {on("/k", {"mount_setattr", EINVAL}), kFail, "/k: mount_setattr: Invalid argument",
        "install-seccomp cannot write"},
       {on("", {}), kFail, "/var/lib/kubelet/seccomp: no such directory, nor its parent",
        "--kubelet-root"}});
}

TEST_CASE("user-namespaces: a refusal counts, unless it may be that of our own filter") {
  const auto attempt = [](Attempt tried, bool is_confined) {
    return [=](NodeFacts& facts) {
      facts.user_namespace = tried;
      facts.is_confined = is_confined;
    };
  };
  check_rows(
      "user-namespaces",
      {{attempt({}, true), kPass, "made without any capability", "jails"},
       {attempt({"unshare", EPERM}, true), kWarn, "unshare: Operation not permitted", "filter"},
       {attempt({"unshare", EPERM}, false), kFail, "unshare: Operation not permitted", "nsjail"},
       {attempt({"unshare", ENOSPC}, true), kFail, "unshare: No space left on device", "nsjail"},
       {attempt({"sethostname in it", EACCES}, false), kFail,
        "sethostname in it: Permission denied", "checks below"}});
}

TEST_CASE("max-user-namespaces: room for every pod and jail, of the host's own namespace") {
  const auto limit = [](Reading reading, bool is_host = true) {
    return [=](NodeFacts& facts) {
      facts.max_user_namespaces = reading;
      facts.is_in_host_user_namespace = is_host;
    };
  };
  check_rows("max-user-namespaces",
             {{limit({"1024"}), kPass, "user.max_user_namespaces=1024", ""},
              {limit({"1023"}), kWarn, "user.max_user_namespaces=1023", "raise it"},
              {limit({"0"}), kFail, "user.max_user_namespaces=0", "sysctl -w"},
              {limit({"2147483647"}, false), kWarn, "user.max_user_namespaces=2147483647",
               "hostUsers: true"},
              {limit(kUnreadable), kWarn, "user.max_user_namespaces: Permission denied", ""},
              {limit({"many"}), kWarn, "user.max_user_namespaces: many", ""},
              {limit({"1024 x"}), kWarn, "user.max_user_namespaces: 1024 x", ""},
              {limit(kAbsent), kFail, "user.max_user_namespaces: absent", "CONFIG_USER_NS"}});
}

TEST_CASE("unprivileged-userns-clone: absent or 1") {
  const auto value = [](Reading reading) {
    return [=](NodeFacts& facts) { facts.unprivileged_userns_clone = reading; };
  };
  const std::string name = "kernel.unprivileged_userns_clone: ";
  check_rows("unprivileged-userns-clone",
             {{value({"1"}), kPass, name + "1", ""},
              {value(kAbsent), kPass, name + "absent", "does not restrict"},
              {value(kUnreadable), kWarn, name + "Permission denied", "must not be 0"},
              {value({"0"}), kFail, name + "0", "sysctl -w kernel.unprivileged_userns_clone=1"}});
}

TEST_CASE("apparmor-userns: what Ubuntu 24.04 forbids, a profile of one's own may allow") {
  const auto value = [](Reading reading, const char* profile) {
    return [=](NodeFacts& facts) {
      facts.apparmor_restricts_userns = reading;
      facts.app_armor_profile = profile;
    };
  };
  const std::string name = "kernel.apparmor_restrict_unprivileged_userns: ";
  check_rows("apparmor-userns",
             {{value({"0"}, "Unconfined"), kPass, name + "0", ""},
              {value(kAbsent, "Unconfined"), kPass, name + "absent", ""},
              {value({"1"}, "Localhost/nsjail"), kWarn, name + "1", "Localhost/nsjail must have"},
              {value(kUnreadable, "Unconfined"), kWarn, name + "Permission denied", ""},
              {value({"1"}, "Unconfined"), kFail, name + "1", "Localhost/<name>"},
              {value({"1"}, "RuntimeDefault"), kFail, name + "1", "cannot start a jail"}});
}

TEST_CASE("apparmor: the profile that pods get must be there, and let nsjail mount") {
  const auto state = [](Reading enabled, const char* profile,
                        Reading loaded = {"nsjail-2 (enforce)\nnsjail (enforce)", 0}) {
    return [=](NodeFacts& facts) {
      facts.apparmor_enabled = enabled;
      facts.app_armor_profile = profile;
      facts.apparmor_profiles = loaded;
    };
  };
  const Reading on{"Y"};
  check_rows(
      "apparmor",
      {{state(on, "Unconfined"), kPass, "on; pods get Unconfined", ""},
       {state(kAbsent, "Unconfined"), kPass, "off", ""},
       {state({"N"}, ""), kPass, "off", "no profile"},
       {state(on, "Localhost/nsjail"), kPass, "on; pods get Localhost/nsjail", "loaded"},
       {state(on, "Localhost/nsjail", kUnreadable), kWarn, "on; pods get Localhost/nsjail",
        "could not be read"},
       {state(kUnreadable, "Unconfined"), kWarn, "Permission denied", "could not be read"},
       {state(on, "Localhost/jail"), kFail, "on; pods get Localhost/jail", "apparmor_parser"},
       {state(on, "Localhost/nsj"), kFail, "on; pods get Localhost/nsj", "apparmor_parser"},
       {state(on, "RuntimeDefault"), kFail, "on; pods get RuntimeDefault",
        "denies nsjail's mounts"},
       {state(on, ""), kFail, "on; pods get the runtime's default profile", "denies"},
       {state(kAbsent, "Localhost/nsjail"), kFail, "off; pods get Localhost/nsjail", "refuses"},
       {state({"N"}, "RuntimeDefault"), kFail, "off; pods get RuntimeDefault", "refuses the pod"}});
}

TEST_CASE("selinux: enforcing, the label of the directory tells") {
  const auto state = [](Reading enforce, Reading label, const char* filesystems = "selinuxfs") {
    return [=](NodeFacts& facts) {
      facts.selinux_enforce = enforce;
      facts.selinux_label = label;
      facts.filesystems = {filesystems, 0};
    };
  };
  const auto labelled = [&](const std::string& type) {
    return state({"1"}, {"system_u:object_r:" + type + ":s0", 0});
  };
  const std::string directory = "enforcing; /var/lib/kubelet/seccomp is ";
  check_rows(
      "selinux",
      {{state(kAbsent, kAbsent, "ext4"), kPass, "off", ""},
       {state({"0"}, kAbsent), kPass, "permissive", ""},
       {labelled("container_file_t"), kPass, directory + "container_file_t", ""},
       {labelled("local_t"), kWarn, directory + "local_t", "node's policy"},
       {state({"1"}, kUnreadable), kWarn, directory + "unlabelled", ""},
       {state({"1"}, {"odd"}), kWarn, directory + "unlabelled", ""},
       {state(kAbsent, kAbsent), kWarn, "on; /sys/fs/selinux/enforce: absent", "--host-root"},
       {labelled("var_lib_t"), kFail, directory + "var_lib_t",
        "semanage fcontext -a -t container_file_t '/var/lib/kubelet/seccomp(/.*)?'"}});
}

TEST_CASE("seccomp: every action that the profile answers with") {
  const auto actions = [](Reading reading) {
    return [=](NodeFacts& facts) { facts.seccomp_actions = reading; };
  };
  check_rows(
      "seccomp",
      {{actions({"trap errno allow"}), kPass, "trap errno allow", ""},
       {actions(kUnreadable), kWarn, "kernel.seccomp.actions_avail: Permission denied", ""},
       {actions(kAbsent), kFail, "kernel.seccomp.actions_avail: absent", "CONFIG_SECCOMP_FILTER"},
       {actions({"kill_thread trap allow"}), kFail, "kill_thread trap allow", "errno"},
       {actions({"errno allowed"}), kFail, "errno allowed", "allow"}});
}

TEST_CASE("cgroup: v2, where the kubelet still starts on it v1, and never none") {
  const auto versions = [](bool has_v2, bool has_v1) {
    return [=](NodeFacts& facts) {
      facts.has_cgroup_v2 = has_v2;
      facts.has_cgroup_v1 = has_v1;
    };
  };
  check_rows("cgroup", {{versions(true, false), kPass, "v2", ""},
                        {versions(false, true), kWarn, "v1", "1.35"},
                        {versions(false, false), kFail, "none in /sys/fs/cgroup", "--host-root"}});
}

}  // namespace
}  // namespace webhook
