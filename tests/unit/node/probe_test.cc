#include "node/probe.h"

#include <doctest/doctest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "node/trials.h"
#include "os/file.h"
#include "support/temporary_directory.h"

namespace webhook {
namespace {

NodeFacts probe(const TemporaryDirectory& root, const std::string& dir = "/kubelet/seccomp") {
  return probe_node({.host_root = root.path(), .kubelet_seccomp_dir = dir});
}

void write_files(const TemporaryDirectory& root,
                 const std::vector<std::pair<const char*, const char*>>& files) {
  for (const auto& [name, text] : files) (void)root.write(name, text);
}

TEST_CASE("probe_node reads the files below the host's root") {
  const TemporaryDirectory root;
  write_files(root, {{"proc/sys/kernel/osrelease", "5.15.0-1073-aws\n"},
                     {"proc/sys/user/max_user_namespaces", "63\n"},
                     {"proc/sys/kernel/unprivileged_userns_clone", "0\n"},
                     {"proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n"},
                     {"proc/sys/kernel/seccomp/actions_avail", "errno allow\n"},
                     {"proc/filesystems", "nodev\tselinuxfs\n"},
                     {"sys/module/apparmor/parameters/enabled", "Y\n"},
                     {"sys/kernel/security/apparmor/profiles", "nsjail (enforce)\n"},
                     {"sys/fs/selinux/enforce", "1"},
                     {"sys/fs/cgroup/cgroup.controllers", "cpu memory\n"}});
  const NodeFacts facts = probe(root);
  CHECK(facts.kernel_release == "5.15.0-1073-aws");
  CHECK(facts.max_user_namespaces.text == "63");
  CHECK(facts.unprivileged_userns_clone.text == "0");
  CHECK(facts.apparmor_restricts_userns.text == "1");
  CHECK(facts.seccomp_actions.text == "errno allow");
  CHECK(facts.filesystems.text == "nodev\tselinuxfs");
  CHECK(facts.apparmor_enabled.text == "Y");
  CHECK(facts.apparmor_profiles.text == "nsjail (enforce)");
  CHECK(facts.selinux_enforce.text == "1");
  CHECK(facts.has_cgroup_v2);
  CHECK_FALSE(facts.has_cgroup_v1);
  CHECK(facts.app_armor_profile == "Unconfined");
}

TEST_CASE("probe_node takes what is absent or unreadable as a fact") {
  const TemporaryDirectory root;
  std::filesystem::create_directories(root.path() / "proc/filesystems");
  std::filesystem::create_directories(root.path() / "sys/fs/cgroup/memory");
  const NodeFacts facts = probe(root);
  CHECK(facts.kernel_release.empty());
  CHECK(facts.max_user_namespaces.error == ENOENT);
  CHECK(facts.seccomp_actions.error == ENOENT);
  CHECK(facts.filesystems.error == EISDIR);
  CHECK(facts.selinux_enforce.error == ENOENT);
  CHECK_FALSE(facts.has_cgroup_v2);
  CHECK(facts.has_cgroup_v1);
  CHECK(facts.idmap_kubelet_on.empty());
  CHECK(facts.kubelet_dir == "/kubelet/seccomp");
}

TEST_CASE("probe_node tries the kubelet's seccomp directory, or the parent it will be made in") {
  const TemporaryDirectory root;
  std::filesystem::create_directories(root.path() / "kubelet");
  CHECK(probe(root).idmap_kubelet_on == (root.path() / "kubelet").string());
  CHECK_FALSE(std::filesystem::exists(root.path() / "kubelet/seccomp"));
  std::filesystem::create_directories(root.path() / "kubelet/seccomp");
  CHECK(probe(root).idmap_kubelet_on == (root.path() / "kubelet/seccomp").string());
  write_files(root, {{"other", "not a directory"}});
  CHECK(probe(root, "/other/seccomp").idmap_kubelet_on.empty());
}

TEST_CASE("probe_node reads the kernel that runs by default") {
  utsname running{};
  REQUIRE(uname(&running) == 0);
  CHECK(probe_node({}).kernel_release == running.release);
}

TEST_CASE("what is tried leaves no mount, and is refused where the file system cannot") {
  if (geteuid() != 0) return;  // tests/integration/doctor_test.py tries it without privileges
  const TemporaryDirectory root;
  const std::string mounts = read_to_end("/proc/self/mountinfo");
  (void)try_idmap_tmpfs();
  (void)try_idmap(root.path());
  (void)try_user_namespace();
  CHECK(read_to_end("/proc/self/mountinfo") == mounts);
  CHECK(try_idmap(root.path() / "absent").error == ENOENT);
  const Attempt of_proc = try_idmap("/proc");
  CAPTURE(of_proc.step);
  CHECK(of_proc.error != 0);
}

}  // namespace
}  // namespace webhook
