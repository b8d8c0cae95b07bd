#pragma once

#include <string_view>

namespace webhook {

/// True if the clean path `path` is `directory` or something in it: /dev/shm is below /dev, and
/// /device is not. The root is the empty directory.
bool is_at_or_below(std::string_view path, std::string_view directory);

}  // namespace webhook
