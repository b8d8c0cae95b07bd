#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

namespace webhook {

/// The documents of a YAML stream, for configuration files. Refuses what compose_yaml() refuses, a
/// key that is there twice among it, merge keys, and what yaml-cpp reads otherwise than libyaml.
/// `name` stands in messages. Throws YamlError "FILE:LINE:COLUMN: not YAML: why".
std::vector<YAML::Node> load_yaml(const std::string& text, const std::string& name);

}  // namespace webhook
