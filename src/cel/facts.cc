#include "cel/facts.h"

#include <utility>

#include "admission/node_mounts.h"
#include "admission/pod_facts.h"
#include "admission/unmapped_id.h"
#include "base/json_patch.h"
#include "cel/context.h"
#include "cel/installer.h"
#include "cel/literal.h"
#include "cel/match.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

std::string quote(std::string_view text) { return to_cel_string(text); }

void add_metadata(Variables& to, const Sandbox& sandbox, const std::string& profile) {
  const std::string app_armor =
      std::string(kLegacyAppArmorAnnotation) + sandbox.policy.container_name;
  to.push_back({"annotations", "object.metadata.?annotations.orValue({})"});
  to.push_back({"isMirror", quote(kMirrorAnnotation) + " in variables.annotations"});
  to.push_back({"mode", "object.metadata.?labels[?" + quote(kModeLabel) + "].orValue('')"});
  to.push_back({"hasLegacyAppArmor", quote(app_armor) + " in variables.annotations"});
  to.push_back({"hasChecksum", "variables.annotations[?" + quote(kChecksumAnnotation) +
                                   "].orValue('') == " + to_cel(sandbox.checksum.value)});
  const std::string annotation = quote(kProfileAnnotation);
  to.push_back({"hasProfileAnnotation", annotation + " in variables.annotations"});
  if (sandbox.policy.delivery == Delivery::kAnnotation) {
    to.push_back({"profile", profile});
    to.push_back({"profileAnnotationIsOurs",
                  "variables.annotations[?" + annotation + "].orValue('') == variables.profile"});
  }
}

void add_target(Variables& to, const Sandbox& sandbox) {
  // Only of these lists can an API server's object have none.
  to.push_back({"containers", "dyn(object.spec.containers) == null ? [] : object.spec.containers"});
  to.push_back({"initContainers", "object.spec.?initContainers.orValue([])"});
  to.push_back({"ephemeralContainers", "object.spec.?ephemeralContainers.orValue([])"});
  to.push_back({"volumes", "object.spec.?volumes.orValue([])"});
  // The first container of its name.
  to.push_back({"targetIndex", "variables.containers.map(c, c.name).indexOf(" +
                                   quote(sandbox.policy.container_name) + ')'});
  to.push_back(
      {"target",
       "variables.targetIndex < 0 ? dyn({}) : variables.containers[variables.targetIndex]"});
  // Of a name that is there several times the kubelet takes the last.
  to.push_back({"env", "variables.target.?env.orValue([])"});
  to.push_back({"runsWithoutNsjail", "variables.env[?variables.env.map(e, e.name).lastIndexOf(" +
                                         quote(kUnprivilegedVariable) +
                                         ")].?value.orValue('') == 'true'"});
}

void add_spec(Variables& to, const Policy& policy) {
  to.push_back({"isWindows", "object.spec.?os.?name.orValue('') == 'windows'"});
  to.push_back({"usesHostNamespace",
                "object.spec.?hostNetwork.orValue(false) || object.spec.?hostPID.orValue(false) "
                "|| object.spec.?hostIPC.orValue(false)"});
  to.push_back({"hostUsersIsTrue", "object.spec.?hostUsers.orValue(false)"});
  to.push_back({"hostUsersIsFalse", "!object.spec.?hostUsers.orValue(true)"});
  // An init container of our name is ours, replaced or refused.
  to.push_back(
      {"judged", "dyn(variables.initContainers.filter(c, c.name != " + quote(kInstaller) +
                     ")) + dyn(variables.containers) + dyn(variables.ephemeralContainers)"});
  to.push_back(
      {"hasRawBlockVolume", "variables.judged.exists(c, c.?volumeDevices.orValue([]).size() > 0)"});
  const std::string ids = std::to_string(policy.ids_per_pod);
  std::string one_id;
  for (const std::string_view member : kIdMembers) {
    const std::string id = "s[?" + quote(member) + "].orValue(0)";
    one_id.append(one_id.empty() ? "" : " || ").append(id).append(" < 0 || ");
    one_id.append(id).append(" >= ").append(ids);
  }
  to.push_back({"securityContexts",
                "[object.spec.?securityContext.orValue(dyn({}))] + "
                "variables.judged.map(c, c.?securityContext.orValue(dyn({})))"});
  to.push_back({"hasUnmappedId", "variables.securityContexts.exists(s, " + one_id + " || s[?" +
                                     quote(kIdsMember) +
                                     "].orValue([]).exists(id, id < 0 || id >= " + ids + "))"});
}

/// Volumes that lead out of the pod, and what containers mount of them.
void add_mounts(Variables& to) {
  const std::string names = to_cel(Json::array({kProfileVolume, kHostVolume}));
  to.push_back({"hasForeignMount",
                "variables.judged.exists(c, c.?volumeMounts.orValue([]).exists(m, m.name in " +
                    names + "))"});
  to.push_back({"outsideVolumes",
                "variables.volumes.filter(v, !(v.name in " + names +
                    ") && (has(v.nfs) || has(v.hostPath) && bytes(v.hostPath.path).size() <= " +
                    std::to_string(kMaxPath) + "))"});
  Json kernel = Json::array();
  for (const std::string_view directory : kKernelDirectories) {
    kernel.push_back(std::string(directory) + '/');
  }
  to.push_back({"hasUnmappableVolume",
                "variables.outsideVolumes.exists(v, variables.judged.exists(c, "
                "c.?volumeMounts.orValue([]).exists(m, m.name == v.name && (has(v.nfs) || [" +
                    to_mounted_place() + "].exists(p, !p.startsWith(" +
                    quote(std::string(kSharedMemory) + '/') + ") && " + to_cel(kernel) +
                    ".exists(d, p.startsWith(d)))))))"});
}

/// What the pod has under one of our names: indexes, and whether each is what we would inject.
void add_named(Variables& to, const std::string& name, const std::string& list,
               std::string_view of_name, const std::string& is_ours) {
  to.push_back(
      {name, "variables." + list + ".transformList(i, v, v.name == " + quote(of_name) + ", i)"});
  to.push_back({name + "Ours", "variables." + name + ".map(i, " + is_ours + ')'});
}

void add_ours(Variables& to, const Sandbox& sandbox) {
  const auto like = [&](const OwnVolume& volume) {
    return to_cel_between("variables.volumes[i]", volume.fragment.value, volume.with_defaults);
  };
  add_named(to, "profileVolumes", "volumes", kProfileVolume, like(sandbox.profile_volume));
  add_named(to, "hostVolumes", "volumes", kHostVolume, like(sandbox.host_volume));
  add_installer_facts(to, sandbox);
  add_named(to, "installers", "initContainers", kInstaller,
            to_installer_is_ours("variables.initContainers[i]", sandbox));
  add_installer_edits(to, sandbox);
  to.push_back({"hasContainerOfOurName",
                "(dyn(variables.containers) + dyn(variables.ephemeralContainers)).exists(c, "
                "c.name == " +
                    quote(kInstaller) + ')'});
  to.push_back({"hasTooMany",
                "[variables.profileVolumes, variables.hostVolumes, variables.installers].exists(l, "
                "l.size() > " +
                    std::to_string(kMostOthers + 1) + ')'});
  to.push_back({"allAreOurs",
                "[variables.profileVolumesOurs, variables.hostVolumesOurs, "
                "variables.installersOurs].all(l, l.all(o, o))"});
}

void add_up_to_date(Variables& to, Delivery delivery) {
  std::string cel =
      "variables.contextIsCurrent && variables.hostUsersIsFalse && "
      "variables.hasChecksum && ";
  cel += delivery == Delivery::kAnnotation ? "variables.profileAnnotationIsOurs"
                                           : "!variables.hasProfileAnnotation";
  for (const char* name : {"profileVolumes", "hostVolumes", "installers"}) {
    const std::string named = std::string("variables.") + name;
    cel += " && ";
    cel += delivery == Delivery::kPreinstalled ? named + ".size() == 0" : named + "Ours == [true]";
  }
  if (delivery != Delivery::kPreinstalled) cel += " && variables.installers == [0]";
  to.push_back({"isUpToDate", cel});
}

}  // namespace

Variables to_facts(const Sandbox& sandbox, const std::string& profile) {
  Variables facts;
  add_metadata(facts, sandbox, profile);
  add_target(facts, sandbox);
  add_context_facts(facts, sandbox);
  add_spec(facts, sandbox.policy);
  add_mounts(facts);
  add_ours(facts, sandbox);
  add_up_to_date(facts, sandbox.policy.delivery);
  return facts;
}

std::string to_mounted_place() {
  // What a variable brings is known on the node only: up to the last slash before it.
  const std::string expression = "m.?subPathExpr.orValue('')";
  const std::string before = expression + ".substring(0, " + expression + ".indexOf('$('))";
  const std::string sure = '(' + expression + ".contains('$(') ? " + expression + ".substring(0, " +
                           before + ".lastIndexOf('/') + 1) : " + expression + ')';
  return "'/' + (v.?hostPath.?path.orValue('') + '/' + m.?subPath.orValue('') + '/' + " + sure +
         ").split('/').filter(p, p != '' && p != '.').map(p, p + '/').join()";
}

std::string to_annotation_pointer(std::string_view key) {
  return "/metadata/annotations/" + escape_pointer_token(key);
}

}  // namespace webhook
