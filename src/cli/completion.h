#pragma once

#include <string>

#include "cli/command_tree.h"

namespace webhook {

// What a shell is to read, so that it completes the commands, flags and values of `model`.

std::string to_bash_completion(const ProgramModel& model);
std::string to_zsh_completion(const ProgramModel& model);
std::string to_fish_completion(const ProgramModel& model);

}  // namespace webhook
