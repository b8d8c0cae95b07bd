#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace webhook {

// Comparisons of a value of the pod with what is injected: those of JsonValue, in CEL. `path` is an
// expression for a value that is there. An API server's object has no null members, and a type for
// each.

/// JsonValue::matches: the same members and elements.
std::string to_cel_matches(const std::string& path, const nlohmann::json& want);

/// JsonValue::is_between: all of `least`, and nothing that is not in `most`.
std::string to_cel_between(const std::string& path, const nlohmann::json& least,
                           const nlohmann::json& most);

}  // namespace webhook
