#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace webhook {

/// `text` as a string literal of CEL (cel-spec, "Lexis"), in printable ASCII whatever it holds:
/// what YAML, JSON, shells and terminals do to other characters is not asked. Bytes that are not
/// UTF-8 become U+FFFD, as in what the server injects.
std::string to_cel_string(std::string_view text);

/// `value` as a literal of CEL. Where the members of an object, or the elements of a list, are of
/// different types, each is dyn(), because CEL wants one type for all.
std::string to_cel(const nlohmann::json& value);

}  // namespace webhook
