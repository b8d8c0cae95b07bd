#pragma once

#include <stdexcept>
#include <string>

#include <yaml-cpp/mark.h>

namespace webhook {

/// What is wrong with a YAML file: "config.yaml:3:5: key: what (what would be right)".
class YamlError : public std::runtime_error {
 public:
  /// About a file as a whole.
  using std::runtime_error::runtime_error;

  /// About the place `mark` of `file`.
  YamlError(const std::string& file, const YAML::Mark& mark, const std::string& what);
};

}  // namespace webhook
