#include "cel/layout.h"

#include <cstddef>

namespace webhook {

std::string to_lines(std::string_view expression) {
  constexpr std::size_t kWidth = 100;
  std::string text;
  std::size_t line = 0;  // where it begins in `text`
  std::size_t gap = 0;   // the last space on it outside literals; 0: none
  char quote = 0;
  bool is_escaped = false;
  for (const char c : expression) {
    if (quote != 0) {
      if (!is_escaped && c == quote) quote = 0;
      is_escaped = c == '\\' && !is_escaped;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '\n') {
      line = text.size() + 1;
      gap = 0;
    } else if (c == ' ' && text.size() > line) {
      if (gap != 0 && text.size() - line > kWidth) {
        text[gap] = '\n';
        line = gap + 1;
      }
      gap = text.size();
    }
    text += c;
  }
  if (gap != 0 && text.size() - line > kWidth) text[gap] = '\n';
  return text;
}

}  // namespace webhook
