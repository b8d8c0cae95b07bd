#include "cel/mutation.h"

#include <vector>

#include "admission/decision.h"
#include "cel/facts.h"
#include "cel/literal.h"

namespace webhook {
namespace {

std::string quote(std::string_view text) { return to_cel_string(text); }

// Operations; `path` and `value` are expressions.
std::string operation(const std::string& op, const std::string& path, const std::string& value) {
  return "JSONPatch{op: '" + op + "', path: " + path + ", value: " + value + '}';
}
std::string add(const std::string& path, const std::string& value) {
  return '[' + operation("add", path, value) + ']';
}
std::string replace(const std::string& path, const std::string& value) {
  return '[' + operation("replace", path, value) + ']';
}
std::string remove(const std::string& path) {
  return "JSONPatch{op: 'remove', path: " + path + '}';
}
std::string when(const std::string& condition, const std::string& operations) {
  return '(' + condition + " ? " + operations + " : [])";
}

constexpr const char* kHasAnnotations = "has(object.metadata.annotations)";

/// Adds an annotation, as the first one where there is none.
std::string add_annotation(std::string_view key, const std::string& value) {
  return std::string(kHasAnnotations) + " ? " + add(quote(to_annotation_pointer(key)), value) +
         " : " + add("'/metadata/annotations'", '{' + quote(key) + ": " + value + '}');
}

std::string to_annotations(const Sandbox& sandbox) {
  std::string cel =
      when("!variables.hasChecksum",
           '(' + add_annotation(kChecksumAnnotation, to_cel(sandbox.checksum.value)) + ')');
  const std::string profile = quote(to_annotation_pointer(kProfileAnnotation));
  if (sandbox.policy.delivery == Delivery::kAnnotation) {
    // There are annotations now: the checksum's.
    cel += " +\n" + when("!variables.profileAnnotationIsOurs", add(profile, "variables.profile"));
  } else {
    cel += " +\n" + when("variables.hasProfileAnnotation", '[' + remove(profile) + ']');
  }
  return cel;
}

/// Removes the elements at `indexes`, an ascending list, the last one first.
std::string remove_all(const std::string& list, const std::string& indexes) {
  return indexes + ".transformList(i, _, " +
         remove(quote(list + '/') + " + string(" + indexes + '[' + indexes + ".size() - 1 - i])") +
         ')';
}

std::string to_volume(const std::string& named, const std::string& ours) {
  return when(
      "variables." + named + ".size() > 0 && !variables." + named + "Ours[0]",
      replace("'/spec/volumes/' + string(variables." + named + "[0])", "variables." + ours));
}

std::string append_volume(const std::string& named, const std::string& ours) {
  return when("variables." + named + ".size() == 0", add("'/spec/volumes/-'", "variables." + ours));
}

std::string to_volumes(Delivery delivery) {
  std::string removal = remove_all("/spec/volumes", "variables.leftOverVolumes");
  if (delivery == Delivery::kPreinstalled) return removal;
  return to_volume("profileVolumes", "ourProfileVolume") + " +\n" +
         to_volume("hostVolumes", "ourHostVolume") + " +\n" + removal + " +\n" +
         "(!has(object.spec.volumes) ? " +
         add("'/spec/volumes'", "[variables.ourProfileVolume, variables.ourHostVolume]") + " : " +
         append_volume("profileVolumes", "ourProfileVolume") + " + " +
         append_volume("hostVolumes", "ourHostVolume") + ')';
}

std::string edit_installer() {
  const auto at = [](const std::string& rest) {
    return "'/spec/initContainers/' + string(variables.installers[0]) + " + quote(rest);
  };
  const auto set = [&](const std::string& same, const std::string& member,
                       const std::string& value) {
    return when('!' + ('(' + same + ')'), add(at('/' + member), value));
  };
  const std::string first = "variables.installer";
  return "(variables.installerIsReplaced ? " +
         replace("'/spec/initContainers/' + string(variables.installers[0])",
                 "variables.ourInstaller") +
         " :\n" + set("variables.installerImageIsOurs", "image", "variables.ourInstaller.image") +
         " +\n" +
         set(first + ".?command.orValue([]) == variables.ourCommand", "command",
             "variables.ourCommand") +
         " +\n" +
         set(first + ".?securityContext.orValue(dyn({})) == variables.ourInstallerContext",
             "securityContext", "variables.ourInstallerContext") +
         " +\n" +
         set("variables.installerMounts == variables.wantedMounts", "volumeMounts",
             "variables.wantedMounts") +
         " +\nvariables.installerLeftOvers.map(key, " +
         remove("'/spec/initContainers/' + string(variables.installers[0]) + '/' + key") +
         ")) +\n" +
         when("variables.installers[0] > 0",
              "[JSONPatch{op: 'move', from: " + at("") + ", path: '/spec/initContainers/0'}]");
}

std::string to_installer(Delivery delivery) {
  std::string removal = remove_all("/spec/initContainers", "variables.leftOverInstallers");
  if (delivery == Delivery::kPreinstalled) return removal;
  return removal + " +\n(variables.installers.size() > 0 ? " + edit_installer() + " :\n" +
         "has(object.spec.initContainers) ? " +
         add("'/spec/initContainers/0'", "variables.ourInstaller") + " : " +
         add("'/spec/initContainers'", "[variables.ourInstaller]") + ')';
}

constexpr const char* kContextPointer =
    "'/spec/containers/' + string(variables.targetIndex) + '/securityContext'";

/// Brings what the context has up to date, beside members that are kept.
std::string edit_context(const Sandbox& sandbox) {
  const std::string pointer = std::string(kContextPointer) + " + '/";
  std::string cel = when("variables.isPrivileged", '[' + remove(pointer + "privileged'") + ']');
  for (const auto& [name, value] : sandbox.context.whole.value.items()) {
    const std::string missing = "variables.contextIs != 'ours'";
    const std::string stale =
        name == "seccompProfile" ? missing + " || !variables.seccompIsCurrent"
        : name == "appArmorProfile"
            ? missing + " && !variables.hasLegacyAppArmor || variables.appArmorEdit == 'set'"
            : missing;
    cel += " +\n" + when(stale, add(pointer + name + '\'', to_cel(value)));
  }
  return cel + " +\n" +
         when("variables.appArmorEdit == 'remove'",
              '[' + remove(pointer + "appArmorProfile'") + ']');
}

std::string to_context(const Sandbox& sandbox) {
  return "(variables.contextIsCurrent ? [] : variables.keepsMembers ?\n" + edit_context(sandbox) +
         " :\n" + add(kContextPointer, "variables.ourContext") + ')';
}

/// What is to go: all further ones of our names, and the first too where nothing is injected.
std::string to_left_over(const std::string& named, Delivery delivery) {
  return delivery == Delivery::kPreinstalled
             ? "i in variables." + named
             : "variables." + named + ".exists(at, at == i && at != variables." + named + "[0])";
}

}  // namespace

std::vector<MarkValidation> to_mark_validations() {
  const std::string mark = "object.metadata.?annotations[?" + quote(kDeniedMark) + ']';
  const std::string is_conflict = mark + ".orValue('').startsWith(" +
                                  quote(std::string(to_string(Reason::kNameConflict)) + ": ") + ')';
  return {{'!' + is_conflict, "Invalid"},
          {'!' + mark + ".hasValue() || " + is_conflict, "Forbidden"}};
}

std::string to_mark_words() {
  const std::string mark = "object.metadata.annotations[" + quote(kDeniedMark) + ']';
  return mark + ".substring(" + mark + ".indexOf(': ') + 2)";
}

void add_patch_variables(Variables& to, const Sandbox& sandbox) {
  const Delivery delivery = sandbox.policy.delivery;
  to.push_back({"ourProfileVolume", to_cel(sandbox.profile_volume.fragment.value)});
  to.push_back({"ourHostVolume", to_cel(sandbox.host_volume.fragment.value)});
  to.push_back({"ourContext", "variables.hasLegacyAppArmor ? " +
                                  to_cel(sandbox.context_no_apparmor.whole.value) + " : " +
                                  to_cel(sandbox.context.whole.value)});
  to.push_back({"leftOverVolumes", "variables.volumes.transformList(i, _, " +
                                       to_left_over("profileVolumes", delivery) + " || " +
                                       to_left_over("hostVolumes", delivery) + ", i)"});
  to.push_back({"leftOverInstallers", "variables.initContainers.transformList(i, _, " +
                                          to_left_over("installers", delivery) + ", i)"});
}

std::string to_mutation(const Sandbox& sandbox) {
  const Delivery delivery = sandbox.policy.delivery;
  const auto is = [](Outcome outcome) {
    return "variables.outcome == " + quote(to_string(outcome));
  };
  return is(Outcome::kDenied) + " ? (" +
         add_annotation(kDeniedMark, "variables.reason + ': ' + variables.denial") + ") :\n" +
         is(Outcome::kSandboxed) + " ?\n" +
         when("!variables.hostUsersIsFalse", add("'/spec/hostUsers'", "false")) + " +\n" +
         to_annotations(sandbox) + " +\n" + to_volumes(delivery) + " +\n" + to_installer(delivery) +
         " +\n" + to_context(sandbox) + " :\n" + is(Outcome::kPrivileged) +
         " && !variables.isPrivileged ? " + add(kContextPointer, "{'privileged': true}") + " :\n[]";
}

}  // namespace webhook
