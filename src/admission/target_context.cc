#include "admission/target_context.h"

#include <algorithm>
#include <string_view>

#include "base/json_reader.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

enum class AppArmorField { kAbsent, kWanted, kOther };

/// What is known while the members are read.
struct Members {
  TargetContext context;
  bool any = false;
  bool is_strange = false;  ///< There is one that is neither ours nor kept.
  int ours = 0;             ///< Of the four that are always injected.
  AppArmorField app_armor = AppArmorField::kAbsent;
};

constexpr int kAlwaysInjected = 4;

bool is_boolean(const JsonValue& value) { return value.matches(true) || value.matches(false); }

bool is_kept(std::string_view key, const JsonValue& value) {
  const auto is_one_of = [&](const auto& keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  if (is_one_of(kKeptFlags)) return is_boolean(value);
  if (is_one_of(kKeptIds)) return value.integer().has_value();
  if (key != kKeptSeLinux) return false;
  bool has_others = false;
  value.for_each_member([&](std::string_view member, const JsonValue&) {
    has_others = member != kKeptSeLinuxMember || has_others;
  });
  return !has_others;
}

/// A setting that `sandbox.appArmorProfile` can make.
bool can_be_configured(const JsonValue& app_armor) {
  const JsonValue type = app_armor.field("type");
  const JsonValue name = app_armor.field("localhostProfile");
  std::size_t members = 0;
  app_armor.for_each_member([&](std::string_view, const JsonValue&) { ++members; });
  if (type.string() == "Localhost") return members == 2 && !name.string().empty();
  return members == 1 && (type.string() == "Unconfined" || type.string() == "RuntimeDefault");
}

/// True for a seccompProfile that this release or another injects.
bool is_seccomp_of_ours(const JsonValue& seccomp, const Sandbox& sandbox) {
  std::size_t members = 0;
  seccomp.for_each_member([&](std::string_view, const JsonValue&) { ++members; });
  const JsonValue path = seccomp.field("localhostProfile");
  return members == 2 && is_profile_path_of_ours(path.string(), sandbox.policy);
}

bool read_seccomp(const JsonValue& seccomp, const Sandbox& sandbox, TargetContext& context) {
  if (seccomp.matches(sandbox.seccomp)) {
    context.has_localhost_profile = context.has_current_profile = true;
    return context.has_profile_of_ours = true;
  }
  const JsonValue type = seccomp.field("type");
  context.has_localhost_profile = type.string() == "Localhost";
  context.has_profile_of_ours =
      context.has_localhost_profile && is_seccomp_of_ours(seccomp, sandbox);
  return context.has_profile_of_ours;
}

/// True if the member is one of the four that are always injected, as they are injected.
bool read_injected(std::string_view key, const JsonValue& value, const Sandbox& sandbox,
                   TargetContext& context) {
  static const Json kCapabilities = {{"add", Json::array({"NET_ADMIN"})}};
  if (key == "allowPrivilegeEscalation") {
    return context.forbids_escalation = value.matches(false);
  }
  if (key == "procMount") return context.unmasks_proc = value.matches("Unmasked");
  if (key == "capabilities") return value.matches(kCapabilities);
  return key == "seccompProfile" && read_seccomp(value, sandbox, context);
}

void read_member(std::string_view key, const JsonValue& value, const Sandbox& sandbox,
                 Members& members) {
  members.any = true;
  if (key == "privileged") {
    members.context.is_privileged = value.matches(true);
    members.is_strange = !members.context.is_privileged || members.is_strange;
  } else if (read_injected(key, value, sandbox, members.context)) {
    ++members.ours;
  } else if (is_kept(key, value)) {
    members.context.keeps_members = true;
  } else if (key == "appArmorProfile" && can_be_configured(value)) {
    const bool is_wanted = value.matches(sandbox.app_armor);
    members.app_armor = is_wanted ? AppArmorField::kWanted : AppArmorField::kOther;
  } else {
    members.is_strange = true;
  }
}

ContextKind to_kind(const Members& members, bool is_privileged) {
  if (!members.any) return ContextKind::kAbsent;
  if (members.is_strange) return ContextKind::kExplicit;
  if (!is_privileged) {
    return members.ours == kAlwaysInjected ? ContextKind::kOurs : ContextKind::kExplicit;
  }
  return members.ours == 0 && members.app_armor == AppArmorField::kAbsent
             ? ContextKind::kChartDefault
             : ContextKind::kExplicit;
}

AppArmorEdit to_app_armor_edit(AppArmorField field, const Sandbox& sandbox,
                               bool has_legacy_app_armor) {
  if (field == AppArmorField::kWanted) return AppArmorEdit::kNone;
  if (sandbox.app_armor.is_null() || has_legacy_app_armor) {
    return field == AppArmorField::kAbsent ? AppArmorEdit::kNone : AppArmorEdit::kRemove;
  }
  return AppArmorEdit::kSet;
}

}  // namespace

TargetContext read_target_context(const JsonValue& context, const Sandbox& sandbox,
                                  bool has_legacy_app_armor) {
  Members members;
  context.for_each_member([&](std::string_view key, const JsonValue& value) {
    read_member(key, value, sandbox, members);
  });
  TargetContext& read = members.context;
  read.kind = to_kind(members, read.is_privileged);
  if (read.kind == ContextKind::kOurs) {
    read.app_armor = to_app_armor_edit(members.app_armor, sandbox, has_legacy_app_armor);
  }
  return read;
}

}  // namespace webhook
