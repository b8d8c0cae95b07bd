#include "cli/command_tree.h"

#include <algorithm>
#include <numeric>

#include <CLI/CLI.hpp>

#include "cli/validators.h"

namespace webhook {
namespace {

/// "FILE" of "FILE:{yaml,json}".
std::string value_name(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  return name.substr(0, name.find(':'));
}

FlagModel read_flag(CLI::Option& option) {
  FlagModel flag{.names = {},
                 .value = {},
                 .choices = choices_of(option),
                 .description = option.get_description(),
                 .preset = option.get_default_str(),
                 .is_required = option.get_required()};
  for (const std::string& name : option.get_snames()) flag.names.push_back('-' + name);
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) flag.value = value_name(option);
  return flag;
}

CommandModel read_command(CLI::App& app, const std::vector<std::string>& commands) {
  CommandModel command{.name = app.get_name(),
                       .description = app.get_description(),
                       .footer = app.get_footer(),
                       .flags = {},
                       .arguments = {}};
  for (CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    if (!option->get_positional()) {
      command.flags.push_back(read_flag(*option));
      continue;
    }
    const std::string name = option->get_name(true);
    command.arguments.push_back({.name = name,
                                 .choices = name == "COMMAND" ? commands : choices_of(*option),
                                 .description = option->get_description(),
                                 .is_required = option->get_required(),
                                 .repeats = option->get_items_expected_max() > 1});
  }
  return command;
}

/// How many letters are wrong, missing, too many, or exchanged with the next.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row = {i};
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      std::size_t least = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool is_exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_exchanged) least = std::min(least, before[j - 2] + 1);
      row.push_back(least);
    }
    before = std::exchange(last, std::move(row));
  }
  return last.back();
}

}  // namespace

ProgramModel read_tree(CLI::App& app) {
  const auto shown =
      app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
  std::vector<std::string> names;
  names.reserve(shown.size());
  for (const CLI::App* each : shown) names.push_back(each->get_name());
  ProgramModel model{.program = read_command(app, names), .commands = {}};
  for (CLI::App* each : shown) model.commands.push_back(read_command(*each, names));
  return model;
}

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  constexpr std::size_t kLettersAnError = 3;
  std::string best;
  std::size_t least = word.size() / kLettersAnError + 1;  // more is another word
  for (const std::string& each : words) {
    const bool is_beginning = word.size() >= kLettersAnError && each.starts_with(word);
    const std::size_t found = is_beginning ? 1 : distance(word, each);
    if (found > least || (found == least && !best.empty())) continue;
    least = found;
    best = each;
  }
  return best;
}

}  // namespace webhook
