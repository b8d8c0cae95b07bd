#pragma once

#include <string>

#include "cli/command_tree.h"

namespace webhook {

/// The manual page of the program, or of `command`, for man(1): roff with the macros of man(7).
std::string to_man_page(const ProgramModel& model, const CommandModel* command);

}  // namespace webhook
