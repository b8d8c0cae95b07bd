#pragma once

#include <cstdint>

namespace webhook {

class JsonValue;

/// True if a securityContext, of a pod or of a container, names a user or group that a user
/// namespace of `ids` ids does not have.
bool has_unmapped_id(const JsonValue& context, std::int64_t ids);

}  // namespace webhook
