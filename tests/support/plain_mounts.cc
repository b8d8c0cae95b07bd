#include "support/plain_mounts.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>

namespace webhook::plainly {
namespace {

/// The names on the way to `path`, as the kernel would walk it.
std::vector<std::string> to_names(const std::string& path) {
  std::vector<std::string> names;
  std::istringstream stream(path);
  for (std::string name; std::getline(stream, name, '/');) {
    if (name == ".." && !names.empty()) names.pop_back();
    if (!name.empty() && name != "." && name != "..") names.push_back(name);
  }
  return names;
}

/// The names on the way to what is mounted, as far as they are known before a pod has a node.
std::vector<std::string> to_mounted_names(const Json& volume, const Json& mount) {
  std::string path = text_at(at(volume, "hostPath"), "path");
  path += '/' + text_at(mount, "subPath") + '/';
  const std::string expression = text_at(mount, "subPathExpr");
  std::istringstream stream(expression);
  for (std::string name; std::getline(stream, name, '/');) {
    if (name.find("$(") != std::string::npos) break;
    path += name + '/';
  }
  return to_names(path);
}

bool is_unmappable(const std::vector<std::string>& names) {
  if (names.empty()) return false;
  const bool is_shm = names.size() > 1 && names[0] == "dev" && names[1] == "shm";
  return (names[0] == "dev" || names[0] == "proc" || names[0] == "sys") && !is_shm;
}

/// True if `names` begin with `first`.
bool begins(const std::vector<std::string>& names, const std::vector<std::string>& first) {
  return names.size() >= first.size() && std::equal(first.begin(), first.end(), names.begin());
}

void read_mount(const Json& volume, const Json& mount, bool is_target, const Sandbox& sandbox,
                PodFacts& facts) {
  if (!at(volume, "nfs").is_null()) facts.has_unmappable_volume = true;
  if (text_at(at(volume, "hostPath"), "path").empty()) return;
  const auto names = to_mounted_names(volume, mount);
  if (is_unmappable(names)) facts.has_unmappable_volume = true;
  const auto profiles = to_names(sandbox.policy.kubelet_seccomp_dir);
  const std::vector<std::string> root(profiles.begin(), profiles.end() - 1);
  const bool has_root = begins(root, names);
  if (is_target && has_root) facts.target_has_kubelet_root = true;
  if (is_target && has_root) return;
  const bool is_related = begins(names, profiles) || begins(profiles, names);
  if (is_related && !is_true(at(mount, "readOnly"))) facts.can_write_profiles = true;
}

bool is_privileged(const Json& container) {
  return is_true(at(at(container, "securityContext"), "privileged"));
}

/// The volume that a mount names, if it is none of ours.
Json find_mounted(const Json& spec, const std::string& name) {
  if (name == "seccomp-profile" || name == "host-seccomp") return {};
  for (const Json& volume : at(spec, "volumes")) {
    const bool is_outside = !at(volume, "nfs").is_null() || !at(volume, "hostPath").is_null();
    if (is_outside && text_at(volume, "name") == name) return volume;
  }
  return {};
}

}  // namespace

// Every container but an init container of our name.
std::vector<Json> other_containers(const Json& spec) {
  std::vector<Json> others;
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    for (const Json& container : at(spec, list)) {
      const bool is_installer = at(container, "name") == "install-seccomp";
      if (!is_installer || std::string_view(list) != "initContainers") others.push_back(container);
    }
  }
  return others;
}

void read_sidecars(const Json& spec, PodFacts& facts) {
  const Json containers = at(spec, "containers");
  for (std::size_t i = 0; i < containers.size(); ++i) {
    if (facts.target != i && is_privileged(containers[i])) facts.has_privileged_sidecar = true;
  }
  for (const Json& container : at(spec, "ephemeralContainers")) {
    if (is_privileged(container)) facts.has_privileged_sidecar = true;
  }
  for (const Json& container : at(spec, "initContainers")) {
    if (at(container, "name") == "install-seccomp") continue;
    const bool stays = at(container, "restartPolicy") == "Always";
    if (stays && is_privileged(container)) facts.has_privileged_sidecar = true;
  }
}

void read_mounts(const Json& spec, const Sandbox& sandbox, PodFacts& facts) {
  const Json containers = at(spec, "containers");
  for (const Json& container : other_containers(spec)) {
    if (at(container, "name") == "install-seccomp") facts.has_container_of_our_name = true;
    const bool is_target = facts.target && is_same(containers[*facts.target], container);
    for (const Json& mount : at(container, "volumeMounts")) {
      const std::string name = text_at(mount, "name");
      if (name == "seccomp-profile" || name == "host-seccomp") facts.has_foreign_mount = true;
      read_mount(find_mounted(spec, name), mount, is_target, sandbox, facts);
    }
  }
}

}  // namespace webhook::plainly
