#pragma once

#include <cstdint>
#include <string_view>

namespace webhook {

class JsonValue;

/// True for a volume of a pod that no node can id-map, so that a pod with a user namespace of its
/// own never starts: hostPath at or below /dev, /proc or /sys, but for /dev/shm; nfs.
bool is_unmappable(const JsonValue& volume);

/// True if `path`, however it is written, is at or below /dev, /proc or /sys, but not /dev/shm.
bool is_in_kernel_file_system(std::string_view path);

/// True if a securityContext, of a pod or of a container, names a user or group that a user
/// namespace of `ids` ids does not have.
bool has_unmapped_id(const JsonValue& context, std::int64_t ids);

}  // namespace webhook
