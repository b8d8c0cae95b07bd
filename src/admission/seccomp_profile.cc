#include "admission/seccomp_profile.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace webhook {
namespace {

using Json = nlohmann::json;
using Words = std::span<const std::string_view>;

// Names as in opencontainers/runtime-spec, config-linux.md, "Seccomp".
constexpr std::array<std::string_view, 9> kActions{
    "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO",        "SCMP_ACT_KILL",
    "SCMP_ACT_LOG",   "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",  "SCMP_ACT_NOTIFY",       "SCMP_ACT_TRACE"};
constexpr std::array<std::string_view, 5> kDefaultActions{"SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
                                                          "SCMP_ACT_KILL_PROCESS",
                                                          "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP"};
constexpr std::array<std::string_view, 7> kOperators{
    "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
    "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
constexpr std::array<std::string_view, 23> kArchitectures{
    "SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",     "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",    "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB"};
constexpr std::array<std::string_view, 4> kFlags{
    "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

constexpr std::array<std::string_view, 10> kProfileKeys{
    "defaultAction", "defaultErrnoRet", "defaultErrno", "architectures",    "archMap",
    "flags",         "syscalls",        "listenerPath", "listenerMetadata", "comment"};
constexpr std::array<std::string_view, 8> kSyscallKeys{"names", "action",   "errnoRet", "errno",
                                                       "args",  "includes", "excludes", "comment"};
constexpr std::array<std::string_view, 4> kArgKeys{"index", "value", "valueTwo", "op"};
constexpr std::array<std::string_view, 2> kArchMapKeys{"architecture", "subArchitectures"};

constexpr std::uint64_t kMaxErrno = 4095;  // MAX_ERRNO of the kernel.
constexpr std::uint64_t kMaxArgIndex = 5;  // A system call has six arguments.

std::string join(Words words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

/// `text` quoted on one line, at most 64 bytes of it.
std::string quoted(const std::string& text) {
  return Json(text.substr(0, 64)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// Reads a profile and keeps the first thing found wrong.
class ProfileCheck {
 public:
  void check_profile(const Json& profile) {
    if (!is_object(profile, "", "", kProfileKeys)) return;
    check_default_action(profile);
    check_errno(profile, "defaultErrnoRet", "");
    check_each(profile, "architectures", "", [&](const Json& value, const std::string& where) {
      check_word(value, where, kArchitectures);
    });
    check_each(profile, "flags", "", [&](const Json& value, const std::string& where) {
      check_word(value, where, kFlags);
    });
    check_arch_map(profile);
    if (!profile.contains("syscalls")) refuse("syscalls: missing (expected a list)");
    check_each(profile, "syscalls", "",
               [&](const Json& value, const std::string& where) { check_syscall(value, where); });
  }

  [[nodiscard]] std::optional<Error> take_error() { return std::move(error_); }

 private:
  void refuse(std::string message) {
    if (!error_) error_ = Error{std::move(message)};
  }

  /// `prefix` is what comes before the names of the members in a message.
  bool is_object(const Json& value, const std::string& where, const std::string& prefix,
                 Words keys) {
    if (!value.is_object()) {
      refuse((where.empty() ? "" : where + ": ") + "not an object (expected an object)");
      return false;
    }
    for (const auto& [key, member] : value.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        refuse(prefix + quoted(key) + ": unknown key (expected one of " + join(keys) + ')');
      }
    }
    return true;
  }

  bool check_word(const Json& value, const std::string& where, Words words) {
    if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      if (std::find(words.begin(), words.end(), text) != words.end()) return true;
      refuse(where + ": " + quoted(text) + " (expected one of " + join(words) + ')');
    } else {
      refuse(where + ": " + (value.is_null() ? "missing" : "not a string") + " (expected one of " +
             join(words) + ')');
    }
    return false;
  }

  static const Json& member(const Json& object, const char* key) {
    static const Json kNull;
    const auto found = object.find(key);
    return found == object.end() ? kNull : *found;
  }

  template <class Check>
  void check_each(const Json& object, const char* key, const std::string& prefix, Check check) {
    const Json& list = member(object, key);
    if (list.is_null()) return;
    const std::string where = prefix + key;
    if (!list.is_array()) return refuse(where + ": not a list (expected a list)");
    for (std::size_t i = 0; i < list.size(); ++i)
      check(list[i], where + '[' + std::to_string(i) + ']');
  }

  void check_number(const Json& value, const std::string& where, std::uint64_t max) {
    if (value.is_number_unsigned() && value.get<std::uint64_t>() <= max) return;
    refuse(where + ": " + (value.is_null() ? "missing" : "not such a number") +
           " (expected an integer from 0 to " + std::to_string(max) + ')');
  }

  void check_default_action(const Json& profile) {
    const Json& action = member(profile, "defaultAction");
    if (action.is_string() && (action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG")) {
      return refuse("defaultAction: " + quoted(action.get<std::string>()) +
                    " allows what is not listed, which is no sandbox (expected SCMP_ACT_ERRNO)");
    }
    check_word(action, "defaultAction", kDefaultActions);
  }

  void check_errno(const Json& object, const char* key, const std::string& prefix) {
    const Json& value = member(object, key);
    if (!value.is_null()) check_number(value, prefix + key, kMaxErrno);
  }

  void check_arch_map(const Json& profile) {
    const Json& arch_map = member(profile, "archMap");
    if (!arch_map.empty() && !member(profile, "architectures").empty()) {
      refuse("archMap: beside architectures (expected one of the two: CRI-O refuses both)");
    }
    check_each(profile, "archMap", "", [&](const Json& entry, const std::string& where) {
      if (!is_object(entry, where, where + '.', kArchMapKeys)) return;
      check_word(member(entry, "architecture"), where + ".architecture", kArchitectures);
      check_each(entry, "subArchitectures", where + '.',
                 [&](const Json& value, const std::string& place) {
                   check_word(value, place, kArchitectures);
                 });
    });
  }

  void check_syscall(const Json& call, const std::string& where) {
    const std::string prefix = where + '.';
    if (!is_object(call, where, prefix, kSyscallKeys)) return;
    if (member(call, "names").empty()) {
      refuse(prefix + "names: missing or empty (expected a list of system calls)");
    }
    check_each(call, "names", prefix, [&](const Json& name, const std::string& place) {
      if (!name.is_string() || name.get_ref<const std::string&>().empty()) {
        refuse(place + ": not a name (expected a system call such as \"read\")");
      }
    });
    check_word(member(call, "action"), prefix + "action", kActions);
    check_errno(call, "errnoRet", prefix);
    check_each(call, "args", prefix,
               [&](const Json& arg, const std::string& place) { check_arg(arg, place); });
  }

  void check_arg(const Json& arg, const std::string& where) {
    if (!is_object(arg, where, where + '.', kArgKeys)) return;
    check_number(member(arg, "index"), where + ".index", kMaxArgIndex);
    check_number(member(arg, "value"), where + ".value", UINT64_MAX);
    if (const Json& value = member(arg, "valueTwo"); !value.is_null()) {
      check_number(value, where + ".valueTwo", UINT64_MAX);
    }
    check_word(member(arg, "op"), where + ".op", kOperators);
  }

  std::optional<Error> error_;
};

}  // namespace

std::optional<Error> validate_seccomp_profile(std::string_view bytes, Delivery delivery) {
  if (const std::size_t most = max_profile_bytes(delivery); bytes.size() > most) {
    return Error{std::to_string(bytes.size()) + " bytes (expected at most " + std::to_string(most) +
                 ", for delivery " +
                 (delivery == Delivery::kAnnotation ? "annotation" : "configMap") + ')'};
  }
  // A profile has six levels. Values below the bound are dropped, so that nothing deep is kept.
  constexpr int kMaxDepth = 16;
  bool is_too_deep = false;
  const auto bounded = [&](int depth, Json::parse_event_t, Json&) {
    is_too_deep = is_too_deep || depth > kMaxDepth;
    return depth <= kMaxDepth;
  };
  const Json profile = Json::parse(bytes, bounded, false);
  if (is_too_deep || profile.is_discarded()) {
    return Error{"not JSON, cut short or nested too deeply (expected a seccomp profile)"};
  }
  ProfileCheck check;
  check.check_profile(profile);
  return check.take_error();
}

}  // namespace webhook
