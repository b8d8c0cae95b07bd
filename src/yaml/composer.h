#pragma once

#include <yaml-cpp/mark.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace webhook {

/// A document of a YAML stream as data. Members keep their order.
struct YamlDocument {
  nlohmann::ordered_json value;
  YAML::Mark mark;  ///< Where its content begins.
};

/// All documents of a stream, the empty ones as null, with the data that kubectl and Helm take them
/// for: YAML 1.1 with the scalars of Go's library; aliases and merge keys are expanded. What could
/// be taken for other data is refused: a key that is there twice, a tag, a number that JSON cannot
/// hold. `name` stands in messages. Throws YamlError "FILE:LINE:COLUMN: what (what would be
/// right)".
std::vector<YamlDocument> compose_yaml(const std::string& text, const std::string& name);

}  // namespace webhook
