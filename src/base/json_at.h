#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace webhook {

/// The string at `pointer` of `object`, such as "/metadata/name"; empty where there is none, or
/// something else.
std::string string_at(const nlohmann::ordered_json& object, const char* pointer);

}  // namespace webhook
