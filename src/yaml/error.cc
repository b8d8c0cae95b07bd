#include "yaml/error.h"

#include <string_view>

namespace webhook {
namespace {

/// `text` on one line, and without what a terminal takes for a command: a key that is quoted is the
/// file's text. Beside ASCII's control characters there are those of U+0080 to U+009F.
std::string without_controls(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_c1 = !clean.empty() && clean.back() == '\xC2' && byte >= 0x80 && byte < 0xA0;
    if (is_c1) clean.pop_back();
    clean += is_c1 || byte < ' ' || byte == 0x7F ? '?' : c;
  }
  return clean;
}

}  // namespace

YamlError::YamlError(const std::string& file, const YAML::Mark& mark, const std::string& what)
    : runtime_error(file + ':' + std::to_string(mark.line + 1) + ':' +
                    std::to_string(mark.column + 1) + ": " + without_controls(what)) {}

}  // namespace webhook
