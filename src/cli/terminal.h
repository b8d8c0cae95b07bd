#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace webhook {

/// True where standard output is a terminal.
bool is_terminal();

/// True where standard output is a terminal that takes colours, and NO_COLOR (no-color.org) asks
/// for none.
bool wants_colour();

enum class Colour { kNone, kGreen, kYellow, kRed };

struct Cell {
  std::string text;  ///< One printable line.
  Colour colour = Colour::kNone;
};

/// Prints rows of as many cells each. On a terminal each column but the last is as wide as its
/// longest text; elsewhere there is a tab between the cells, for programs.
void print_table(const std::vector<std::vector<Cell>>& rows);

/// `text` in `colour`, where colours are wanted.
std::string coloured(std::string_view text, Colour colour);

}  // namespace webhook
