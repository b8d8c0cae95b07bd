#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace webhook {

class JsonValue;

/// Members of a securityContext that are one id each, and the one that is a list of them.
inline constexpr std::array<std::string_view, 3> kIdMembers{"runAsUser", "runAsGroup", "fsGroup"};
inline constexpr std::string_view kIdsMember = "supplementalGroups";

/// True if a securityContext, of a pod or of a container, names a user or group that a user
/// namespace of `ids` ids does not have.
bool has_unmapped_id(const JsonValue& context, std::int64_t ids);

}  // namespace webhook
