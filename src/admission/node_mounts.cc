#include "admission/node_mounts.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/path.h"

namespace webhook {
namespace {

/// Goes on from directory `clean` as `path` says: without "." and "..", and with single slashes.
void walk(std::string& clean, std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (name == "..") {
      clean.resize(clean.empty() ? 0 : clean.rfind('/'));
    } else if (!name.empty() && name != ".") {
      clean.append("/").append(name);
    }
  }
}

/// The directories that are sure in a subPathExpr: what a variable brings is known on the node
/// only, and leads nowhere but further down.
std::string_view to_sure_part(std::string_view expression) {
  const std::size_t variable = expression.find("$(");
  if (variable == std::string_view::npos) return expression;
  const std::size_t slash = expression.substr(0, variable).rfind('/');
  return expression.substr(0, slash == std::string_view::npos ? 0 : slash);
}

/// The place of the node that is mounted: the kubelet binds the subPath, not the volume, and it is
/// the file system there that has to be id-mapped.
std::string to_mounted_path(const std::string& path, const JsonValue& mount) {
  const JsonValue sub_path = mount.field("subPath");
  const JsonValue expression = mount.field("subPathExpr");
  std::string mounted = path;
  walk(mounted, sub_path.string());
  walk(mounted, to_sure_part(expression.string()));
  return mounted;
}

bool is_in_kernel_file_system(std::string_view path) {
  if (is_at_or_below(path, kSharedMemory)) return false;
  return std::any_of(kKernelDirectories.begin(), kKernelDirectories.end(),
                     [&](std::string_view directory) { return is_at_or_below(path, directory); });
}

}  // namespace

std::optional<OutsideVolume> to_outside_volume(const JsonValue& volume) {
  const JsonValue name = volume.field("name");
  const JsonValue host_path = volume.field("hostPath");
  const JsonValue path = host_path.field("path");
  OutsideVolume outside{
      .name = name.string(), .path = {}, .is_nfs = volume.field("nfs").is_present()};
  if (!path.string().empty() && path.string().size() <= kMaxPath) {
    walk(outside.path.emplace(), path.string());
  }
  if (!outside.path && !outside.is_nfs) return std::nullopt;
  return outside;
}

MountedView to_mounted_view(const OutsideVolume& volume, const JsonValue& mount,
                            std::string_view seccomp_dir) {
  MountedView view{.is_unmappable = volume.is_nfs};
  if (!volume.path) return view;
  const std::string path = to_mounted_path(*volume.path, mount);
  const std::string_view kubelet_root = seccomp_dir.substr(0, seccomp_dir.rfind('/'));
  const bool is_read_only = mount.field("readOnly").matches(true);
  view.is_unmappable = view.is_unmappable || is_in_kernel_file_system(path);
  view.has_kubelet_root = is_at_or_below(kubelet_root, path);
  view.can_write_profiles =
      !is_read_only && (is_at_or_below(path, seccomp_dir) || is_at_or_below(seccomp_dir, path));
  return view;
}

}  // namespace webhook
