#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

namespace webhook {

/// The documents of a YAML stream. `name` stands in messages. Throws YamlError
/// "FILE:LINE:COLUMN: not YAML: why".
std::vector<YAML::Node> load_yaml(const std::string& text, const std::string& name);

}  // namespace webhook
