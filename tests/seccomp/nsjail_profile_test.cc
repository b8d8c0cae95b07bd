#include <linux/audit.h>
#include <seccomp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "seccomp/bpf.h"

namespace webhook {

extern const std::string_view kNsjailSeccompProfile;  // profiles/nsjail-seccomp.json, embedded

namespace {

using Json = nlohmann::json;

struct Architecture {
  std::string name;
  std::uint32_t token;  ///< Both libseccomp's SCMP_ARCH_* and the kernel's AUDIT_ARCH_*.
};
const std::array<Architecture, 2> kArchitectures{
    {{"x86_64", SCMP_ARCH_X86_64}, {"arm64", SCMP_ARCH_AARCH64}}};

/// The calls that Linux 6.0 to 6.18 brought (scripts/syscall.tbl), and whether they are allowed.
const std::map<std::string, bool> kNewerThan5_17{{"cachestat", false},
                                                 {"fchmodat2", false},
                                                 {"file_getattr", false},
                                                 {"file_setattr", false},
                                                 {"futex_requeue", false},
                                                 {"futex_wait", false},
                                                 {"futex_wake", false},
                                                 {"getxattrat", false},
                                                 {"listmount", false},
                                                 {"listxattrat", false},
                                                 {"lsm_get_self_attr", false},
                                                 {"lsm_list_modules", false},
                                                 {"lsm_set_self_attr", false},
                                                 {"map_shadow_stack", true},
                                                 {"mseal", false},
                                                 {"open_tree_attr", false},
                                                 {"removexattrat", false},
                                                 {"setxattrat", false},
                                                 {"statmount", false},
                                                 {"uprobe", false},
                                                 {"uretprobe", true}};

const Json& profile() {
  static const Json kProfile = Json::parse(kNsjailSeccompProfile);
  return kProfile;
}

const BpfProgram& program() {
  static const BpfProgram kProgram = compile_profile(profile());
  return kProgram;
}

/// Libraries of Linux 5.17 do not know what came later; runtimes with these skip such a rule.
bool is_known(const std::string& call) {
  return seccomp_syscall_resolve_name(call.c_str()) != __NR_SCMP_ERROR;
}

bool exists(const std::string& call, const Architecture& arch) {
  return seccomp_syscall_resolve_name_arch(arch.token, call.c_str()) >= 0;
}

/// What becomes of `call` on `arch`; "absent" if the architecture does not have it.
std::string verdict(const std::string& call, const Architecture& arch, std::uint64_t arg0 = 0,
                    std::uint64_t arg2 = 0) {
  const int number = seccomp_syscall_resolve_name_arch(arch.token, call.c_str());
  if (number < 0) return "absent";
  return to_verdict(evaluate(
      program(),
      {.nr = number, .arch = arch.token, .instruction_pointer = 0, .args = {arg0, 0, arg2}}));
}

/// The verdict on call number `number` of a process of `arch`.
std::string verdict_on_number(int number, std::uint32_t arch) {
  return to_verdict(
      evaluate(program(), {.nr = number, .arch = arch, .instruction_pointer = 0, .args = {}}));
}

TEST_CASE("the profile refuses what it does not list, as a kernel without it would") {
  CHECK(profile()["defaultAction"] == "SCMP_ACT_ERRNO");
  CHECK(profile()["defaultErrnoRet"] == ENOSYS);
  for (const Architecture& arch : kArchitectures) {
    CAPTURE(arch.name);
    CHECK(verdict_on_number(470, arch.token) == "errno 38");
    CHECK(verdict_on_number(9999, arch.token) == "errno 38");
  }
}

TEST_CASE("the profile is plain OCI: containerd would ignore what other runtimes know beside it") {
  for (const auto& member : profile().items()) {
    const std::string& key = member.key();
    CAPTURE(key);
    CHECK((key == "defaultAction" || key == "defaultErrnoRet" || key == "architectures" ||
           key == "syscalls"));
  }
  for (const Json& group : profile()["syscalls"]) {
    CAPTURE(group);
    CHECK_FALSE(group.contains("includes"));
    CHECK_FALSE(group.contains("excludes"));
    CHECK(group.value("comment", "").ends_with('.'));
  }
}

TEST_CASE("every name of the profile is known on both architectures, or marked") {
  for (const Json& group : profile()["syscalls"]) {
    const bool is_marked = group["comment"].get<std::string>().starts_with("Only on x86_64: ");
    for (const std::string call : group["names"]) {
      CAPTURE(call);
      if (kNewerThan5_17.contains(call) && !is_known(call)) continue;
      CHECK(exists(call, kArchitectures[0]));
      CHECK(exists(call, kArchitectures[1]) != is_marked);
    }
  }
}

TEST_CASE("the profile lists nothing twice") {
  std::set<std::string> unconditional;
  std::set<std::string> conditional;
  std::set<std::string> rules;
  for (const Json& group : profile()["syscalls"]) {
    for (const std::string call : group["names"]) {
      CAPTURE(call);
      CHECK(rules.insert(call + group.value("args", Json()).dump()).second);
      (group.contains("args") ? conditional : unconditional).insert(call);
    }
  }
  for (const std::string& call : conditional) {
    CAPTURE(call);
    CHECK_FALSE(unconditional.contains(call));  // It would win, whatever the arguments.
  }
}

TEST_CASE("the profile decides on each call that Linux 5.17 has") {
  // Numbers that were given away, but never to a call, or to one that is gone since.
  const std::set<std::string> absent_from_linux{
      "_sysctl",         "afs_syscall",     "create_module",   "epoll_ctl_old", "epoll_wait_old",
      "get_kernel_syms", "get_thread_area", "getpmsg",         "nfsservctl",    "putpmsg",
      "query_module",    "security",        "set_thread_area", "tuxcall",       "vserver"};
  std::set<std::string> listed;
  for (const Json& group : profile()["syscalls"]) {
    for (const std::string call : group["names"]) listed.insert(call);
  }
  constexpr int kNewest = 450;  // set_mempolicy_home_node, the same number everywhere.
  for (const Architecture& arch : kArchitectures) {
    for (int number = 0; number <= kNewest; ++number) {
      const std::unique_ptr<char, decltype(&std::free)> resolved(
          seccomp_syscall_resolve_num_arch(arch.token, number), &std::free);
      if (!resolved) continue;
      const std::string name = resolved.get();
      CAPTURE(name);
      CHECK(listed.contains(name) != absent_from_linux.contains(name));
    }
  }
}

TEST_CASE("the profile decides on each call that Linux 6.18 has") {
  for (const auto& [name, allowed] : kNewerThan5_17) {
    const std::string call = name;  // Clang 14 captures no structured binding
    const bool is_allowed = allowed;
    CAPTURE(call);
    std::vector<std::string> actions;
    for (const Json& group : profile()["syscalls"]) {
      const Json& names = group["names"];
      if (std::find(names.begin(), names.end(), call) == names.end()) continue;
      actions.push_back(group["action"].get<std::string>() +
                        (group.contains("errnoRet") ? ' ' + group["errnoRet"].dump() : ""));
    }
    CHECK(actions == std::vector<std::string>{is_allowed ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO 38"});
  }
}

TEST_CASE("the profile allows netlink for the routing protocol only") {
  constexpr std::uint64_t kNetlink = 16;
  for (const Architecture& arch : kArchitectures) {
    CAPTURE(arch.name);
    CHECK(verdict("socket", arch, kNetlink, 0) == "allow");
    for (std::uint64_t protocol = 1; protocol < 64; ++protocol) {
      CAPTURE(protocol);
      CHECK(verdict("socket", arch, kNetlink, protocol) == "errno 93");
      // Protocols of other families are their own.
      for (const std::uint64_t family : {1U, 2U, 10U, 17U}) {
        CHECK(verdict("socket", arch, family, protocol) == "allow");
      }
      CHECK(verdict("socket", arch, 38, protocol) == "errno 1");
    }
    // The kernel reads 32 bits of each: what is not the same in 64 is refused.
    CHECK(verdict("socket", arch, kNetlink, 0x1'0000'000c) == "errno 93");
    CHECK(verdict("socket", arch, kNetlink, 0xffff'ffff'0000'0000) == "errno 93");
    CHECK(verdict("socket", arch, 0x1'0000'0010, 0) == "errno 1");
  }
}

TEST_CASE("the profile allows what a jail is made with") {
  constexpr std::uint64_t kNamespaces = 0x7e020000;  // CLONE_NEWNS, NEWCGROUP up to NEWNET
  for (const Architecture& arch : kArchitectures) {
    CAPTURE(arch.name);
    CHECK(verdict("clone", arch, kNamespaces) == "allow");
    for (const std::string call : {"mount", "umount2", "pivot_root", "sethostname", "prctl",
                                   "seccomp", "capset", "setresuid", "setgroups"}) {
      CAPTURE(call);
      CHECK(verdict(call, arch) == "allow");
    }
  }
}

TEST_CASE("the profile sends callers back to what they used before") {
  for (const Architecture& arch : kArchitectures) {
    CAPTURE(arch.name);
    for (const std::string call : {"clone3", "fsopen", "fsconfig", "fsmount", "fspick", "open_tree",
                                   "move_mount", "mount_setattr"}) {
      CAPTURE(call);
      CHECK(verdict(call, arch) == "errno 38");
    }
  }
}

TEST_CASE("the profile refuses what reaches the node or past the pod") {
  const std::set<std::string> kRefused{
      "bpf",          "keyctl",         "add_key",        "request_key",       "init_module",
      "finit_module", "delete_module",  "kexec_load",     "kexec_file_load",   "open_by_handle_at",
      "userfaultfd",  "io_uring_setup", "io_uring_enter", "io_uring_register", "perf_event_open",
      "setns",        "unshare",        "ptrace",         "process_vm_readv",  "process_vm_writev",
      "reboot",       "swapon",         "settimeofday",   "clock_settime",     "syslog",
      "acct",         "quotactl",       "fanotify_init"};
  for (const Architecture& arch : kArchitectures) {
    CAPTURE(arch.name);
    for (const std::string& call : kRefused) {
      CAPTURE(call);
      CHECK(verdict(call, arch, 0x7e020000) == "errno 1");
    }
  }
}

TEST_CASE("the profile allows sockets of five families") {
  const std::set<std::uint64_t> allowed{1, 2, 10, 16, 17};  // unix, inet, inet6, netlink, packet
  for (const Architecture& arch : kArchitectures) {
    for (std::uint64_t family = 0; family < 64; ++family) {
      CAPTURE(arch.name);
      CAPTURE(family);
      const std::string refused = family > 17 ? "errno 1" : "errno 38";
      CHECK(verdict("socket", arch, family) == (allowed.contains(family) ? "allow" : refused));
      CHECK(verdict("socketpair", arch, family) == (family == 1 ? "allow" : "errno 38"));
    }
    // The kernel reads 32 bits of it: AF_ALG must not pass for something else.
    CHECK(verdict("socket", arch, 0x1'0000'0026) == "errno 1");
    CHECK(verdict("socket", arch, 0x1'0000'0001) == "errno 1");
  }
}

TEST_CASE("the profile allows the ordinary personality, and asking for it") {
  for (const Architecture& arch : kArchitectures) {
    CAPTURE(arch.name);
    for (const std::uint64_t value : {0U, 0xffffffffU}) {
      CHECK(verdict("personality", arch, value) == "allow");
    }
    // PER_LINUX32, UNAME26, ADDR_NO_RANDOMIZE, MMAP_PAGE_ZERO, READ_IMPLIES_EXEC.
    for (const std::uint64_t value : {8U, 0x20000U, 0x40000U, 0x100000U, 0x400000U}) {
      CHECK(verdict("personality", arch, value) == "errno 38");
    }
  }
}

TEST_CASE("the profile ends programs of another architecture than the host's") {
  CHECK(verdict_on_number(1, AUDIT_ARCH_I386) == "kill");
  CHECK(verdict_on_number(1, AUDIT_ARCH_ARM) == "kill");
  constexpr int kX32Bit = 0x40000000;
  CHECK(verdict_on_number(kX32Bit | 0, AUDIT_ARCH_X86_64) == "kill");
}

}  // namespace
}  // namespace webhook
