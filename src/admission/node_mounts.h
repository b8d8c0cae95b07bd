#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace webhook {

class JsonValue;

/// Where the kernel shows itself: no node can id-map what is there, but for the last one.
inline constexpr std::array<std::string_view, 3> kKernelDirectories{"/dev", "/proc", "/sys"};
inline constexpr std::string_view kSharedMemory = "/dev/shm";

/// No kernel takes a longer path.
inline constexpr std::size_t kMaxPath = 4096;

/// A volume of a pod that is a directory of its node, or of an NFS server.
struct OutsideVolume {
  std::string_view name;
  std::optional<std::string> path;  ///< Of a hostPath, clean: empty for /.
  bool is_nfs = false;
};

/// None for any other volume.
std::optional<OutsideVolume> to_outside_volume(const JsonValue& volume);

/// What a container gets by one of its mounts.
struct MountedView {
  bool is_unmappable = false;       ///< No node can id-map it: the pod would never start.
  bool has_kubelet_root = false;    ///< The kubelet's directory, or one above it.
  bool can_write_profiles = false;  ///< What is in the kubelet's seccomp directory can be changed.
};

/// `seccomp_dir` is the kubelet's, clean: <kubelet root>/seccomp.
MountedView to_mounted_view(const OutsideVolume& volume, const JsonValue& mount,
                            std::string_view seccomp_dir);

}  // namespace webhook
