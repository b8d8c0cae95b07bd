#include "cel/context.h"

#include <set>
#include <string>

#include "admission/target_context.h"
#include "cel/literal.h"
#include "cel/match.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0U) == 0x80U ? 0U : 1U;
  return count;
}

/// is_profile_path_of_ours(`path`) for one template. Every placeholder of it is the same digest.
std::string to_is_made_from(const std::string& path, const std::string& name) {
  const std::size_t place = name.find(kDigestPlaceholder);
  if (place == std::string::npos) return path + " == " + to_cel_string(name);
  const std::size_t from = count_code_points(std::string_view(name).substr(0, place));
  const std::string end = std::to_string(from + 64);
  const std::string digest = path + ".substring(" + std::to_string(from) + ", " + end + ')';
  return path + ".size() >= " + end + " && " + digest + ".matches('^[0-9a-f]{64}$') && " + path +
         " == " + to_cel_string(name) + ".replace(" + to_cel_string(kDigestPlaceholder) + ", " +
         digest + ')';
}

std::string to_seccomp_is_ours(const Policy& policy) {
  const std::string seccomp = "variables.context.?seccompProfile";
  const std::string path = seccomp + ".?localhostProfile.orValue('')";
  std::string paths;
  const auto names = profile_paths_of_ours(policy);
  for (const std::string& name : std::set(names.begin(), names.end())) {
    paths.append(paths.empty() ? "" : " || ").append(to_is_made_from(path, name));
  }
  return seccomp +
         ".?type.orValue('') == 'Localhost' && variables.context.seccompProfile.size() "
         "== 2 && (" +
         paths + ')';
}

/// For one member, `key`, of the context: that it is neither ours nor kept.
std::string to_is_strange(const Sandbox& sandbox, Json& ours) {
  std::string cel = "key == 'privileged' ? !variables.context[key] : ";
  for (const auto& [name, value] : sandbox.context_no_apparmor.whole.value.items()) {
    ours.push_back(name);
    const bool is_seccomp = name == "seccompProfile";
    cel += "key == " + to_cel_string(name) + " ? " +
           (is_seccomp ? std::string("!variables.seccompIsOurs")
                       : "!(" + to_cel_matches("variables.context[key]", value) + ')') +
           " : ";
  }
  cel += "key == 'appArmorProfile' ? !variables.appArmorCanBeConfigured : ";
  cel += "key == " + to_cel_string(kKeptSeLinux) +
         " ? !variables.context[key].all(member, member == " + to_cel_string(kKeptSeLinuxMember) +
         ") : ";
  Json kept = Json::array();
  for (const auto& member : kKeptFlags) kept.push_back(member);
  for (const auto& member : kKeptIds) kept.push_back(member);
  return cel + "!(key in " + to_cel(kept) + ')';
}

/// A setting that `sandbox.appArmorProfile` can make.
constexpr const char* kCanBeConfigured =
    "variables.appArmor.?type.orValue('') == 'Localhost' ? variables.appArmor.size() == 2 && "
    "variables.appArmor.?localhostProfile.orValue('') != '' : variables.appArmor.size() == 1 && "
    "variables.appArmor.?type.orValue('') in ['Unconfined', 'RuntimeDefault']";

std::string to_app_armor_edit(const Sandbox& sandbox) {
  const std::string is_there = "'appArmorProfile' in variables.context";
  if (sandbox.app_armor.is_null()) return is_there + " ? 'remove' : 'none'";
  return to_cel_matches("variables.appArmor", sandbox.app_armor) +
         " ? 'none' : variables.hasLegacyAppArmor ? (" + is_there + " ? 'remove' : 'none') : 'set'";
}

}  // namespace

void add_context_facts(Variables& to, const Sandbox& sandbox) {
  Json ours = Json::array();
  const std::string is_strange = to_is_strange(sandbox, ours);
  const std::string keys = to_cel(ours);
  Json kept = Json::array({kKeptSeLinux});
  for (const auto& member : kKeptFlags) kept.push_back(member);
  for (const auto& member : kKeptIds) kept.push_back(member);

  to.push_back({"context", "variables.target.?securityContext.orValue(dyn({}))"});
  to.push_back({"isPrivileged", "variables.context.?privileged.orValue(false)"});
  to.push_back(
      {"seccompIsCurrent",
       to_cel_matches("variables.context.?seccompProfile.orValue(dyn({}))", sandbox.seccomp)});
  to.push_back(
      {"seccompIsOurs", "variables.seccompIsCurrent || " + to_seccomp_is_ours(sandbox.policy)});
  to.push_back({"appArmor", "variables.context.?appArmorProfile.orValue(dyn({}))"});
  to.push_back({"appArmorCanBeConfigured", kCanBeConfigured});
  to.push_back(
      {"contextIs", "variables.context.size() == 0 ? 'absent' : variables.context.exists(key, " +
                        is_strange +
                        ") ? 'explicit' : variables.isPrivileged ? (variables.context"
                        ".exists(key, key in " +
                        keys +
                        " || key == 'appArmorProfile') ? 'explicit' : "
                        "'chart_default') : " +
                        keys + ".all(key, key in variables.context) ? 'ours' : 'explicit'"});
  to.push_back({"keepsMembers", "variables.context.exists(key, key in " + to_cel(kept) + ')'});
  to.push_back(
      {"appArmorEdit", "variables.contextIs != 'ours' ? 'none' : " + to_app_armor_edit(sandbox)});
  to.push_back({"contextIsCurrent",
                "variables.contextIs == 'ours' && variables.seccompIsCurrent && "
                "variables.appArmorEdit == 'none'"});
  // By its label, or because it carries the sandbox already.
  to.push_back({"insists", "variables.mode == 'sandbox' || variables.contextIs == 'ours'"});
  to.push_back({"replaceChartDefault", sandbox.policy.replace_chart_default ? "true" : "false"});
}

}  // namespace webhook
