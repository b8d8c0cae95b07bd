#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace webhook {

/// What a plain YAML scalar means to Go's YAML library (sigs.k8s.io/yaml, which kubectl and Helm
/// use): null, a boolean of YAML 1.1, a number, or a string. None: a number that JSON cannot hold.
std::optional<nlohmann::ordered_json> resolve_scalar(const std::string& text);

/// The member of a JSON object that a scalar is the key of, as sigs.k8s.io/yaml has it: 017 is "15"
/// and 1.0 is "1". None: null, or a number that it takes for no key.
std::optional<std::string> to_key(const nlohmann::ordered_json& scalar);

}  // namespace webhook
