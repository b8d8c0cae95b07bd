#include "cli/usage.h"

#include <algorithm>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/command_tree.h"
#include "cli/validators.h"

namespace webhook {
namespace {

constexpr std::size_t kMaxWord = 80;  // of what somebody typed

std::string quoted(const std::string& word) { return '\'' + to_printable(word, kMaxWord) + '\''; }

/// The command that was chosen, or the program itself.
CLI::App& chosen(CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? app : *commands.front();
}

std::vector<std::string> flags_of(CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back('-' + name);
  }
  return names;
}

/// "--filename FILE".
std::string with_value(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return option.get_name() + ' ' + type.substr(0, type.find(':'));
}

std::string to_unknown_flag(CLI::App& command, const std::string& word, const std::string& help) {
  const std::string flag = word.substr(0, word.find('='));
  // Of one letter every other is as close.
  const std::string meant = flag.starts_with("--") ? nearest(flag, flags_of(command)) : "";
  return "unknown flag " + to_printable(flag, kMaxWord) + " (" +
         (meant.empty() ? help + " lists them" : "did you mean " + meant + '?') + ')';
}

std::string to_extra(CLI::App& command, const std::string& word, const std::string& help) {
  if (word.size() > 1 && word.front() == '-' && word != "--") {
    return to_unknown_flag(command, word, help);
  }
  return "unexpected argument " + quoted(word) + " (" + help + " says what it takes)";
}

/// Of an option of CLI11's own check for choices, the value that is none; `said` is what CLI11
/// says.
std::string to_wrong_choice(CLI::Option& option, const std::string& said) {
  const auto choices = choices_of(option);
  const bool is_it = said.starts_with(option.get_name() + ": ");
  if (!is_it || choices.empty() || said.find(" (expected ") != std::string::npos) return {};
  for (const std::string& value : option.results()) {
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) continue;
    return option.get_name() + ": " + quoted(value) + " (expected " + join_choices(choices) + ')';
  }
  return {};
}

/// What an option lacks or has too much of, by what was read of it. CLI11 says it in words that
/// change from release to release.
std::string to_wrong_option(CLI::App& command, const CLI::ParseError& error) {
  const bool is_missing = error.get_name() == "RequiredError";
  const bool is_count = error.get_name() == "ArgumentMismatch";
  for (CLI::Option* option : command.get_options()) {
    const bool is_argument = option->get_positional();
    const std::string name = is_argument ? option->get_name(true) : option->get_name();
    if (is_missing && option->get_required() && option->count() == 0) {
      const auto choices = choices_of(*option);
      return name + ": is missing (expected " +
             (is_argument && !choices.empty() ? join_choices(choices) : with_value(*option)) + ')';
    }
    if (error.get_name() == "ConversionError" && option->count() > 0 &&
        option->get_items_expected_max() == 0) {
      return name + ": has a value (expected none)";
    }
    if (error.get_name() == "ValidationError") {
      std::string wrong = to_wrong_choice(*option, error.what());
      if (!wrong.empty()) return wrong;
    }
    if (!is_count) continue;
    const int most = option->get_items_expected_max();
    if (most > 0 && static_cast<int>(option->count()) > most) {
      return name + ": is there " + std::to_string(option->count()) + " times (expected " +
             (most == 1 ? "once" : std::to_string(most) + " values") + ')';
    }
    if (std::string(error.what()).starts_with(option->get_name() + ": ")) {
      return name + ": has no value (expected " + with_value(*option) + ')';
    }
  }
  const std::string said = error.what();
  return error.get_name() == "RequiresError" ? said + " (expected both, or neither)" : said;
}

}  // namespace

std::string to_unknown_command(CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CommandModel& each : read_tree(app).commands) names.push_back(each.name);
  const std::string meant = nearest(word, names);
  return "unknown command " + quoted(word) + " (" +
         (meant.empty() ? "expected " + join_choices(names) : "did you mean " + meant + '?') + ')';
}

std::string to_usage_message(CLI::App& app, const CLI::ParseError& error) {
  CLI::App& command = chosen(app);
  const bool is_program = &command == &app;
  const std::string name = is_program ? "" : command.get_name() + ": ";
  const std::string help =
      app.get_name() + (is_program ? "" : ' ' + command.get_name()) + " --help";
  // Before what is missing: that may be what was mistyped.
  const auto before = app.remaining(false);
  const auto after = is_program ? before : command.remaining(false);
  if (!before.empty()) {
    const bool is_flag = before.front().size() > 1 && before.front().front() == '-';
    if (is_program && !is_flag) return to_unknown_command(app, before.front());
    return to_extra(app, before.front(), app.get_name() + " --help");
  }
  if (!after.empty()) return name + to_extra(command, after.front(), help);
  if (is_program && error.get_name() == "RequiredError") {
    return "no command (" + help + " lists them)";
  }
  return name + to_wrong_option(command, error);
}

}  // namespace webhook
