#include "admission/unmappable.h"

#include <algorithm>
#include <string>

#include "base/json_reader.h"

namespace webhook {
namespace {

/// Absolute `path` without "." and "..", and with single slashes.
std::string to_clean(std::string_view path) {
  std::string clean;
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
  return clean;
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

bool is_unmapped(const JsonValue& id, std::int64_t ids) {
  const auto number = id.integer();
  return number && (*number < 0 || *number >= ids);
}

}  // namespace

bool is_in_kernel_file_system(std::string_view path) {
  const std::string clean = to_clean(path);
  if (is_at_or_below(clean, "/dev/shm")) return false;
  return is_at_or_below(clean, "/dev") || is_at_or_below(clean, "/proc") ||
         is_at_or_below(clean, "/sys");
}

bool is_unmappable(const JsonValue& volume) {
  if (volume.field("nfs").is_present()) return true;
  const JsonValue host_path = volume.field("hostPath");
  return is_in_kernel_file_system(host_path.field("path").string());
}

bool has_unmapped_id(const JsonValue& context, std::int64_t ids) {
  bool found = false;
  for (const std::string_view id : {"runAsUser", "runAsGroup", "fsGroup"}) {
    found = is_unmapped(context.field(id), ids) || found;
  }
  const JsonValue groups = context.field("supplementalGroups");
  groups.for_each(
      [&](const JsonValue& group, std::size_t) { found = is_unmapped(group, ids) || found; });
  return found;
}

}  // namespace webhook
