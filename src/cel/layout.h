#pragma once

#include <string>
#include <string_view>

namespace webhook {

/// `expression` with line breaks in place of spaces between its words, so that lines are of some
/// hundred characters where that is possible: the same expression, for who reads it. String
/// literals stay whole.
std::string to_lines(std::string_view expression);

}  // namespace webhook
