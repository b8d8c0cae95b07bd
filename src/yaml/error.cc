#include "yaml/error.h"

namespace webhook {

YamlError::YamlError(const std::string& file, const YAML::Mark& mark, const std::string& what)
    : runtime_error(file + ':' + std::to_string(mark.line + 1) + ':' +
                    std::to_string(mark.column + 1) + ": " + what) {}

}  // namespace webhook
