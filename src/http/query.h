#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace webhook {

/// The value of the first parameter `name` in a URL's query ("timeout=10s&verbose"), decoded; empty
/// for a parameter without `=`. None: no such parameter.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace webhook
