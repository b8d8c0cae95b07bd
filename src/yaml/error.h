#pragma once

#include <stdexcept>

namespace webhook {

/// What is wrong with a YAML file: "config.yaml:3:5: key: what (what would be right)".
class YamlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace webhook
