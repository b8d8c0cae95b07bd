#include "seccomp/bpf.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>

namespace webhook {
namespace {

using Json = nlohmann::json;

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using FilterPtr = std::unique_ptr<void, Release>;

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

std::uint32_t to_action(const std::string& name, std::uint32_t error) {
  if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(error);
  throw std::runtime_error(name + ": not an action of this profile");
}

scmp_compare to_operator(const std::string& name) {
  static const std::map<std::string, scmp_compare> kOperators{
      {"SCMP_CMP_NE", SCMP_CMP_NE},
      {"SCMP_CMP_LT", SCMP_CMP_LT},
      {"SCMP_CMP_LE", SCMP_CMP_LE},
      {"SCMP_CMP_EQ", SCMP_CMP_EQ},
      {"SCMP_CMP_GE", SCMP_CMP_GE},
      {"SCMP_CMP_GT", SCMP_CMP_GT},
      {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
  return kOperators.at(name);
}

void add_architectures(void* filter, const Json& profile) {
  for (const std::string name : profile.value("architectures", Json::array())) {
    std::string lower = name.substr(std::strlen("SCMP_ARCH_"));
    std::transform(lower.begin(), lower.end(), lower.begin(), ::tolower);
    const std::uint32_t arch = seccomp_arch_resolve_name(lower.c_str());
    require(arch != 0, name + ": unknown architecture");
    const int result = seccomp_arch_add(filter, arch);
    require(result == 0 || result == -EEXIST, name + ": " + std::strerror(-result));
  }
}

void add_rules(void* filter, const Json& group, std::uint32_t default_action) {
  const std::uint32_t action =
      to_action(group.at("action"), group.value("errnoRet", std::uint32_t{EPERM}));
  if (action == default_action) return;
  std::vector<scmp_arg_cmp> args;
  for (const Json& arg : group.value("args", Json::array())) {
    args.push_back({.arg = arg.at("index"),
                    .op = to_operator(arg.at("op")),
                    .datum_a = arg.at("value"),
                    .datum_b = arg.value("valueTwo", std::uint64_t{0})});
  }
  for (const std::string name : group.at("names")) {
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) continue;
    const int result = seccomp_rule_add_array(filter, action, number,
                                              static_cast<unsigned>(args.size()), args.data());
    require(result == 0, name + ": " + std::strerror(-result));
  }
}

}  // namespace

BpfProgram compile_profile(const Json& profile) {
  const std::uint32_t default_action = to_action(
      profile.at("defaultAction"), profile.value("defaultErrnoRet", std::uint32_t{EPERM}));
  const FilterPtr filter(seccomp_init(default_action));
  require(filter != nullptr, "seccomp_init failed");
  add_architectures(filter.get(), profile);
  for (const Json& group : profile.at("syscalls")) add_rules(filter.get(), group, default_action);

  const int file = memfd_create("filter", MFD_CLOEXEC);
  require(file >= 0 && seccomp_export_bpf(filter.get(), file) == 0, "the filter has no BPF");
  BpfProgram program(static_cast<std::size_t>(lseek(file, 0, SEEK_END)) / sizeof(sock_filter));
  const std::size_t size = program.size() * sizeof(sock_filter);
  const ssize_t length = pread(file, program.data(), size, 0);
  close(file);
  require(length == static_cast<ssize_t>(size), "the filter cannot be read");
  return program;
}

std::uint32_t evaluate(const BpfProgram& program, const seccomp_data& call) {
  std::uint32_t accumulator = 0;
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& step = program[pc];
    const auto jump = [&](bool holds) { pc += holds ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        require(step.k + sizeof accumulator <= sizeof call, "load beyond the call");
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&call) + step.k,
                    sizeof accumulator);
        break;
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= step.k; break;
      case BPF_JMP | BPF_JA: pc += step.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: jump(accumulator == step.k); break;
      case BPF_JMP | BPF_JGT | BPF_K: jump(accumulator > step.k); break;
      case BPF_JMP | BPF_JGE | BPF_K: jump(accumulator >= step.k); break;
      case BPF_JMP | BPF_JSET | BPF_K: jump((accumulator & step.k) != 0); break;
      case BPF_RET | BPF_K: return step.k;
      default: throw std::runtime_error("unknown instruction " + std::to_string(step.code));
    }
  }
  throw std::runtime_error("the filter ends without an answer");
}

std::string to_verdict(std::uint32_t action) {
  switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW: return "allow";
    case SECCOMP_RET_ERRNO: return "errno " + std::to_string(action & SECCOMP_RET_DATA);
    case SECCOMP_RET_KILL_PROCESS:
    case SECCOMP_RET_KILL_THREAD: return "kill";
    default: return std::to_string(action);
  }
}

}  // namespace webhook
