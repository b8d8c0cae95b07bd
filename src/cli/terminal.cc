#include "cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace webhook {
namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

const char* code_of(Colour colour) {
  switch (colour) {
    case Colour::kGreen: return "\x1b[32m";
    case Colour::kYellow: return "\x1b[33m";
    case Colour::kRed: return "\x1b[31m";
    case Colour::kNone: break;
  }
  return "";
}

}  // namespace

bool is_terminal() { return ::isatty(STDOUT_FILENO) != 0; }

bool wants_colour() {
  const char* kind = std::getenv("TERM");
  return is_terminal() && !is_set("NO_COLOR") &&
         (kind == nullptr || std::string_view(kind) != "dumb");
}

std::string coloured(std::string_view text, Colour colour) {
  if (colour == Colour::kNone || !wants_colour()) return std::string(text);
  return code_of(colour) + std::string(text) + "\x1b[0m";
}

void print_table(const std::vector<std::vector<Cell>>& rows) {
  const bool is_padded = is_terminal();
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].text.size());
    }
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::cout << coloured(row[i].text, row[i].colour);
      if (i + 1 == row.size()) break;
      std::cout << (is_padded ? std::string(widths[i] - row[i].text.size() + 2, ' ') : "\t");
    }
    std::cout << '\n';
  }
}

}  // namespace webhook
