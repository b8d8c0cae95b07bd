#include "cel/installer.h"

#include "admission/installer_edits.h"
#include "cel/literal.h"
#include "cel/match.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

/// The service account's mount.
std::string to_is_token(const std::string& mount) {
  return mount + ".size() == 3 && " + mount + ".name.startsWith(" + to_cel_string(kTokenVolume) +
         ") && " + mount + ".mountPath == " + to_cel_string(kTokenPath) + " && " + mount +
         ".?readOnly.orValue(false)";
}

/// For `image`: the same, or one of the same digest from another registry.
std::string to_image_is_ours(const std::string& image, const std::string& configured) {
  std::string is_same = image + " == " + to_cel_string(configured);
  const std::size_t digest = configured.rfind('@');
  if (digest == std::string::npos) return is_same;
  return '(' + is_same + " || " + image + ".endsWith(" +
         to_cel_string(std::string_view(configured).substr(digest)) + "))";
}

/// For `key`, a member of the container at `path`: it is what the API server sets by default.
std::string to_is_default(const std::string& path) {
  std::string cel;
  for (const auto& [member, value] : kDefaults) {
    cel.append(cel.empty() ? "" : " || ")
        .append("key == " + to_cel_string(member) + " && " + path +
                "[key] == " + to_cel_string(value));
  }
  return cel;
}

/// Members that are compared by themselves, or not at all.
Json to_known_members() {
  Json known = Json::array({"image", "command", "securityContext", "volumeMounts"});
  for (const std::string_view member : kFieldsLeft) known.push_back(member);
  return known;
}

std::string image_of(const std::string& path) { return path + ".?image.orValue('')"; }
std::string mounts_of(const std::string& path) { return path + ".?volumeMounts.orValue([])"; }

/// Ours in their order, with the one token that there may be, `mounts[tokenAt]`, where it stands
/// among them.
std::string to_wanted_mounts(std::size_t count) {
  const auto with_token_at = [&](std::size_t place) {
    std::string list = "[";
    for (std::size_t i = 0; i <= count; ++i) {
      if (i > 0) list += ", ";
      list += i == place ? std::string("variables.installerMounts[variables.tokenAt]")
                         : "variables.ourMounts[" + std::to_string(i < place ? i : i - 1) + ']';
    }
    return list + ']';
  };
  std::string cel = "variables.tokenAt < 0 ? variables.ourMounts : ";
  for (std::size_t place = 0; place < count; ++place) {
    cel += "variables.tokenAt == " + std::to_string(place) + " ? " + with_token_at(place) + " : ";
  }
  return cel + with_token_at(count);
}

}  // namespace

void add_installer_facts(Variables& to, const Sandbox& sandbox) {
  const Installer& installer = sandbox.installer;
  Json members = installer.whole.value;
  for (const char* known : {"command", "securityContext", "volumeMounts"}) members.erase(known);
  std::string command = "[";
  for (const Json& word : installer.command.value) {
    command.append(command.size() == 1 ? "" : ", ").append(to_cel(word));
  }
  to.push_back({"ourCommand", command + ']'});
  to.push_back({"ourInstallerContext", to_cel(installer.security_context.value)});
  std::string list;
  for (const Fragment& mount : installer.mounts) {
    list.append(list.empty() ? "" : ", ").append("dyn(" + to_cel(mount.value) + ')');
  }
  to.push_back({"ourMounts", '[' + list + ']'});
  std::string whole = "{";
  for (const auto& [key, value] : members.items()) {
    whole += to_cel_string(key) + ": dyn(" + to_cel(value) + "), ";
  }
  to.push_back({"ourInstaller", whole + "\"command\": dyn(variables.ourCommand), "
                                        "\"securityContext\": dyn(variables.ourInstallerContext), "
                                        "\"volumeMounts\": dyn(variables.ourMounts)}"});
}

std::string to_installer_is_ours(const std::string& path, const Sandbox& sandbox) {
  return to_image_is_ours(image_of(path), sandbox.policy.installer_image) + " && " + path +
         ".?command.orValue([]) == variables.ourCommand && " + path +
         ".?securityContext.orValue(dyn({})) == variables.ourInstallerContext && " +
         mounts_of(path) + ".filter(m, !(" + to_is_token("m") + ")) == variables.ourMounts && " +
         mounts_of(path) + ".size() <= variables.ourMounts.size() + 1 && " + path +
         ".all(key, key in " + to_cel(to_known_members()) + " || " + to_is_default(path) + ')';
}

void add_installer_edits(Variables& to, const Sandbox& sandbox) {
  const std::string first = "variables.installer";
  Json others = Json::array();
  for (const std::string_view member : kFieldsOfOthers) others.push_back(member);
  const std::string is_known =
      "key in " + to_cel(to_known_members()) + " || " + to_is_default(first);

  to.push_back({"installer",
                "variables.installers.size() == 0 ? dyn({}) : "
                "variables.initContainers[variables.installers[0]]"});
  to.push_back({"installerMounts", mounts_of(first)});
  to.push_back(
      {"tokenAt", "variables.installerMounts.map(m, " + to_is_token("m") + ").indexOf(true)"});
  to.push_back(
      {"otherMounts", "variables.installerMounts.transformList(i, m, i != variables.tokenAt, m)"});
  to.push_back({"wantedMounts", to_wanted_mounts(sandbox.installer.mounts.size())});
  to.push_back(
      {"installerImageIsOurs", to_image_is_ours(image_of(first), sandbox.policy.installer_image)});
  to.push_back({"installerLeftOvers",
                first + ".filter(key, !(" + is_known + ") && key in " + to_cel(others) + ')'});
  // The server counts its edits, and so does this: what is further from ours is replaced.
  to.push_back(
      {"installerIsReplaced",
       first + ".exists(key, !(" + is_known + " || key in " + to_cel(others) +
           ")) || variables.installerLeftOvers.size() + variables.ourMounts.transformList(i, m, "
           "i >= variables.otherMounts.size() || variables.otherMounts[i] != m, m).size() + "
           "(variables.otherMounts.size() > variables.ourMounts.size() ? "
           "variables.otherMounts.size() - variables.ourMounts.size() : 0) + "
           "[variables.installerImageIsOurs, " +
           first + ".?command.orValue([]) == variables.ourCommand, " + first +
           ".?securityContext.orValue(dyn({})) == variables.ourInstallerContext].filter(same, "
           "!same).size() > " +
           std::to_string(kMostInstallerEdits)});
}

}  // namespace webhook
