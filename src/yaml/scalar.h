#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace webhook {

/// What a plain YAML scalar means to Go's YAML library (sigs.k8s.io/yaml, which kubectl and Helm
/// use): null, a boolean of YAML 1.1, a number, or a string. None: a number that JSON cannot hold.
std::optional<nlohmann::ordered_json> resolve_scalar(const std::string& text);

}  // namespace webhook
