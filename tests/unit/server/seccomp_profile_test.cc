#include "admission/seccomp_profile.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include "server/seccomp_profile_file.h"

namespace webhook {

extern const std::string_view kNsjailSeccompProfile;  // profiles/nsjail-seccomp.json, embedded

namespace {

std::string refusal(std::string_view bytes, Delivery delivery = Delivery::kConfigMap) {
  const auto error = validate_seccomp_profile(bytes, delivery);
  return error ? error->message : "accepted";
}

/// A profile with one group that is `syscall`.
std::string with_syscall(const std::string& syscall) {
  return R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)" + syscall + "]}";
}

/// A profile with one argument that is `arg`.
std::string with_arg(const std::string& arg) {
  return with_syscall(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [)" + arg + "]}");
}

const std::string kArchitectures =
    "SCMP_ARCH_X86, SCMP_ARCH_X86_64, SCMP_ARCH_X32, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64, "
    "SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64, "
    "SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC, SCMP_ARCH_PPC64, SCMP_ARCH_PPC64LE, SCMP_ARCH_S390, "
    "SCMP_ARCH_S390X, SCMP_ARCH_PARISC, SCMP_ARCH_PARISC64, SCMP_ARCH_RISCV64, "
    "SCMP_ARCH_LOONGARCH64, SCMP_ARCH_M68K, SCMP_ARCH_SH, SCMP_ARCH_SHEB";

TEST_CASE("the profile that is built in is valid, and fits an annotation") {
  CHECK(refusal(kNsjailSeccompProfile, Delivery::kConfigMap) == "accepted");
  CHECK(refusal(kNsjailSeccompProfile, Delivery::kAnnotation) == "accepted");
}

TEST_CASE("validate_seccomp_profile accepts what runtimes read") {
  const std::string accepted[] = {
      with_syscall(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW"})"), with_syscall(""),
      with_arg(
          R"({"index": 5, "value": 18446744073709551615, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"})"),
      R"({"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": null, "flags": ["SECCOMP_FILTER_FLAG_LOG"]})",
      // The form of moby and CRI-O.
      R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "defaultErrno": "EPERM",
          "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
          "syscalls": [{"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "errno": "EPERM", "args": null,
                        "comment": "", "includes": {}, "excludes": {"caps": ["CAP_BPF"]}}]})"};
  for (const std::string& bytes : accepted) {
    CAPTURE(bytes);
    CHECK(refusal(bytes) == "accepted");
  }
}

TEST_CASE("validate_seccomp_profile refuses a default that allows") {
  for (const std::string action : {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG"}) {
    CHECK(refusal(R"({"defaultAction": ")" + action + R"(", "syscalls": []})") ==
          "defaultAction: \"" + action +
              "\" allows what is not listed, which is no sandbox (expected SCMP_ACT_ERRNO)");
  }
}

TEST_CASE("validate_seccomp_profile names the place of what it refuses") {
  const std::string defaults =
      "SCMP_ACT_ERRNO, SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP";
  const std::string actions =
      "SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_ACT_KILL, SCMP_ACT_LOG, SCMP_ACT_KILL_PROCESS, "
      "SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP, SCMP_ACT_NOTIFY, SCMP_ACT_TRACE";
  const std::string operators =
      "SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, "
      "SCMP_CMP_MASKED_EQ";
  const struct {
    std::string bytes;
    std::string message;
  } refused[] = {
      {"[]", "not an object (expected an object)"},
      {"{}", "defaultAction: missing (expected one of " + defaults + ")"},
      {R"({"defaultAction": 1})", "defaultAction: not a string (expected one of " + defaults + ")"},
      {R"({"defaultAction": "SCMP_ACT_NOTIFY"})",
       "defaultAction: \"SCMP_ACT_NOTIFY\" (expected one of " + defaults + ")"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO"})", "syscalls: missing (expected a list)"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": {}})",
       "syscalls: not a list (expected a list)"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096, "syscalls": []})",
       "defaultErrnoRet: not such a number (expected an integer from 0 to 4095)"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO", "syscall": []})",
       "\"syscall\": unknown key (expected one of defaultAction, defaultErrnoRet, defaultErrno, "
       "architectures, archMap, flags, syscalls, listenerPath, listenerMetadata, comment)"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["amd64"], "syscalls": []})",
       "architectures[0]: \"amd64\" (expected one of " + kArchitectures + ")"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [], "flags": ["TSYNC"]})",
       "flags[0]: \"TSYNC\" (expected one of SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG, "
       "SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [], "architectures": ["SCMP_ARCH_X86"],
           "archMap": [{"architecture": "SCMP_ARCH_X86"}]})",
       "archMap: beside architectures (expected one of the two: CRI-O refuses both)"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [],
           "archMap": [{"architecture": "SCMP_ARCH_X86", "subArchitectures": [7]}]})",
       "archMap[0].subArchitectures[0]: not a string (expected one of " + kArchitectures + ")"},
      {with_syscall("7"), "syscalls[0]: not an object (expected an object)"},
      {with_syscall(R"({"name": "read", "action": "SCMP_ACT_ALLOW"})"),
       "syscalls[0].\"name\": unknown key (expected one of names, action, errnoRet, errno, args, "
       "includes, excludes, comment)"},
      {with_syscall(R"({"names": [], "action": "SCMP_ACT_ALLOW"})"),
       "syscalls[0].names: missing or empty (expected a list of system calls)"},
      {with_syscall(R"({"names": "read", "action": "SCMP_ACT_ALLOW"})"),
       "syscalls[0].names: not a list (expected a list)"},
      {with_syscall(R"({"names": ["read", ""], "action": "SCMP_ACT_ALLOW"})"),
       "syscalls[0].names[1]: not a name (expected a system call such as \"read\")"},
      {with_syscall(R"({"names": ["read"]})"),
       "syscalls[0].action: missing (expected one of " + actions + ")"},
      {with_syscall(R"({"names": ["read"], "action": "ALL\nOW"})"),
       "syscalls[0].action: \"ALL\\nOW\" (expected one of " + actions + ")"},
      {with_syscall(R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": -1})"),
       "syscalls[0].errnoRet: not such a number (expected an integer from 0 to 4095)"},
      {with_arg(R"({"index": 6, "value": 0, "op": "SCMP_CMP_EQ"})"),
       "syscalls[0].args[0].index: not such a number (expected an integer from 0 to 5)"},
      {with_arg(R"({"index": 0, "value": 1.5, "op": "SCMP_CMP_EQ"})"),
       "syscalls[0].args[0].value: not such a number (expected an integer from 0 to "
       "18446744073709551615)"},
      {with_arg(R"({"index": 0, "op": "SCMP_CMP_EQ"})"),
       "syscalls[0].args[0].value: missing (expected an integer from 0 to 18446744073709551615)"},
      {with_arg(R"({"index": 0, "value": 0, "op": "=="})"),
       "syscalls[0].args[0].op: \"==\" (expected one of " + operators + ")"},
      {with_arg(R"({"index": 0, "value": 0, "operator": "SCMP_CMP_EQ"})"),
       "syscalls[0].args[0].\"operator\": unknown key (expected one of index, value, valueTwo, "
       "op)"},
  };
  for (const auto& row : refused) {
    CAPTURE(row.bytes);
    CHECK(refusal(row.bytes) == row.message);
  }
}

TEST_CASE("validate_seccomp_profile refuses what is not JSON, and is not hurt by it") {
  const std::string message =
      "not JSON, cut short or nested too deeply (expected a seccomp profile)";
  for (const std::string& bytes :
       {std::string(), std::string("{"), std::string(kNsjailSeccompProfile.substr(0, 4000)),
        std::string("\xff\xfe"), std::string(100'000, '['),
        std::string(100'000, '[') + std::string(100'000, ']')}) {
    CHECK(refusal(bytes) == message);
  }
}

TEST_CASE("validate_seccomp_profile refuses what cannot be delivered") {
  std::string bytes = with_syscall("");
  bytes.resize(128 * 1024, ' ');
  CHECK(refusal(bytes, Delivery::kAnnotation) == "accepted");
  bytes += ' ';
  CHECK(refusal(bytes, Delivery::kAnnotation) ==
        "131073 bytes (expected at most 131072, for delivery annotation)");
  bytes.resize(1024 * 1024, ' ');
  CHECK(refusal(bytes, Delivery::kConfigMap) == "accepted");
  bytes += ' ';
  CHECK(refusal(bytes, Delivery::kConfigMap) ==
        "1048577 bytes (expected at most 1048576, for delivery configMap)");
}

TEST_CASE("load_seccomp_profile reads the file that is named, or what is built in") {
  const SeccompProfile built_in = *load_seccomp_profile("", Delivery::kAnnotation);
  CHECK(built_in.bytes == kNsjailSeccompProfile);

  const std::string file = std::filesystem::temp_directory_path() / "seccomp_profile_test.json";
  std::ofstream(file) << with_syscall("");
  const SeccompProfile own = *load_seccomp_profile(file, Delivery::kConfigMap);
  CHECK(own.bytes == with_syscall(""));
  CHECK(own.sha256 == "605a14cf670b14bf10bcd7433b629d9c24f718e43b8e62972c2c86c2d493307f");
  CHECK(own.sha256 != built_in.sha256);

  std::ofstream(file) << with_syscall("7");
  CHECK(load_seccomp_profile(file, Delivery::kConfigMap).error().message ==
        file + ": syscalls[0]: not an object (expected an object)");
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace webhook
