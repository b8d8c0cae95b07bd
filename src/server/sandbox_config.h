#pragma once

#include <string>
#include <string_view>

namespace webhook {

struct Config;
class YamlSection;

/// Reads section `sandbox` of the configuration file. Throws YamlError.
void read_sandbox(const YamlSection& sandbox, Config& config);

/// Reads one line of text without control characters.
void read_text(const YamlSection& section, std::string_view key, std::string& value,
               bool may_be_empty);

}  // namespace webhook
