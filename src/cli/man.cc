#include "cli/man.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string_view>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/usage.h"
#include "os/new_files.h"

namespace webhook {
namespace {

constexpr const char* kProgram = "code-executor-webhook";

/// `text` so that roff prints it as it is.
std::string escaped(std::string_view text) {
  std::string result;
  bool is_line_start = true;
  for (const char c : text) {
    if (is_line_start && (c == '.' || c == '\'')) result += "\\&";
    is_line_start = c == '\n';
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

std::string page_name(const CommandModel& command) {
  return command.name == kProgram ? command.name : std::string(kProgram) + '-' + command.name;
}

/// One line: what is said of a command where several are listed.
std::string brief(const CommandModel& command) {
  std::string text = command.description;
  std::replace(text.begin(), text.end(), '\n', ' ');
  const std::size_t end = text.find(". ");
  if (end != std::string::npos) text.resize(end);
  while (text.ends_with('.')) text.pop_back();
  return text;
}

std::string to_synopsis(const CommandModel& command) {
  const bool is_program = command.name == kProgram;
  std::string text = ".SH SYNOPSIS\n" + bold(kProgram);
  if (is_program) return text + ' ' + italic("COMMAND") + " [" + italic("FLAGS") + "]\n";
  text += ' ' + bold(command.name);
  for (const FlagModel& flag : command.flags) {
    if (flag.is_required) text += ' ' + bold(flag.names.back()) + ' ' + italic(flag.value);
  }
  text += " [" + italic("FLAGS") + ']';
  for (const ArgumentModel& argument : command.arguments) {
    const std::string name = italic(argument.name) + (argument.repeats ? " ..." : "");
    text += argument.is_required ? ' ' + name : " [" + name + ']';
  }
  return text + '\n';
}

std::string to_flag(const FlagModel& flag) {
  std::string text = ".TP\n";
  for (std::size_t i = 0; i < flag.names.size(); ++i) {
    text += (i == 0 ? "" : ", ") + bold(flag.names[i]);
  }
  if (!flag.value.empty()) text += ' ' + italic(flag.value);
  text += '\n' + escaped(flag.description);
  if (!flag.preset.empty()) text += " (default: " + escaped(flag.preset) + ')';
  return text + (flag.is_required ? "; required\n" : "\n");
}

std::string to_flags(const CommandModel& command) {
  std::string text = ".SH OPTIONS\n";
  for (const ArgumentModel& argument : command.arguments) {
    text += ".TP\n" + italic(argument.name) + '\n' + escaped(argument.description) + '\n';
  }
  for (const FlagModel& flag : command.flags) text += to_flag(flag);
  return text;
}

/// Text whose lines are as they are to be.
std::string to_verbatim(const std::string& text) {
  return text.empty() ? "" : ".SH NOTES\n.nf\n" + escaped(text) + "\n.fi\n";
}

std::string to_see_also(const ProgramModel& model, const CommandModel& command) {
  std::string list;
  for (const CommandModel* each = &model.program;;) {
    if (each->name != command.name) {
      list += (list.empty() ? "" : ",\n") + bold(page_name(*each)) + "(1)";
    }
    each = each == &model.program ? model.commands.data() : each + 1;
    if (each == model.commands.data() + model.commands.size()) break;
  }
  return ".SH SEE ALSO\n" + list + '\n';
}

void write_pages(const ProgramModel& model, const std::string& directory) {
  std::vector<NewFile> files = {
      {page_name(model.program) + ".1", to_man_page(model, nullptr), false}};
  for (const CommandModel& each : model.commands) {
    files.push_back({page_name(each) + ".1", to_man_page(model, &each), false});
  }
  write_new_files(directory, files, true);
}

}  // namespace

std::string to_man_page(const ProgramModel& model, const CommandModel* command) {
  const CommandModel& page = command == nullptr ? model.program : *command;
  std::string text = ".\\\" Made by: code-executor-webhook man\n.TH " + upper(page_name(page)) +
                     " 1 \"\" \"" + kProgram + ' ' + WEBHOOK_VERSION "\"\n.SH NAME\n" +
                     escaped(page_name(page)) + " \\- " + escaped(brief(page)) + '\n' +
                     to_synopsis(page) + ".SH DESCRIPTION\n" + escaped(page.description) + '\n';
  if (command == nullptr) {
    text += ".SH COMMANDS\n";
    for (const CommandModel& each : model.commands) {
      text += ".TP\n" + bold(each.name) + '\n' + escaped(brief(each)) + '\n';
    }
  }
  return text + to_flags(page) + to_verbatim(page.footer) + to_see_also(model, page);
}

void add_man(CLI::App& app) {
  auto* command =
      app.add_subcommand("man", "Print a manual page, for man(1): of the program, or of COMMAND");
  const auto name = std::make_shared<std::string>();
  const auto directory = std::make_shared<std::string>();
  command->add_option("COMMAND", *name, "Whose page");
  command
      ->add_option("--out", *directory,
                   "Write every page, as a file, to this directory; made if need "
                   "be")
      ->type_name("DIR");
  command->callback([name, directory, &app] {
    const ProgramModel model = read_tree(app);
    if (!directory->empty()) {
      if (!name->empty()) {
        throw UsageError(
            "man: COMMAND beside --out (expected one of them: --out writes every page)");
      }
      return write_pages(model, *directory);
    }
    const auto found = std::find_if(model.commands.begin(), model.commands.end(),
                                    [&](const CommandModel& each) { return each.name == *name; });
    if (name->empty()) {
      std::cout << to_man_page(model, nullptr);
    } else if (found != model.commands.end()) {
      std::cout << to_man_page(model, &*found);
    } else {
      throw UsageError("man: " + to_unknown_command(app, *name));
    }
  });
}

}  // namespace webhook
