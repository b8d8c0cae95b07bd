#include "cli/completion.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/validators.h"

namespace webhook {
namespace {

std::string join(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : between).append(word);
  return text;
}

std::vector<std::string> names_of(const std::vector<CommandModel>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const CommandModel& command : commands) names.push_back(command.name);
  return names;
}

std::vector<std::string> flags_of(const CommandModel& command) {
  std::vector<std::string> names;
  for (const FlagModel& flag : command.flags) {
    names.insert(names.end(), flag.names.begin(), flag.names.end());
  }
  return names;
}

/// Choices for the first argument, which flags stand beside.
std::vector<std::string> words_of(const CommandModel& command) {
  std::vector<std::string> words = flags_of(command);
  if (!command.arguments.empty()) {
    const auto& choices = command.arguments.front().choices;
    words.insert(words.end(), choices.begin(), choices.end());
  }
  return words;
}

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  return line;
}

/// Text for a shell, in single quotes.
std::string quoted(const std::string& text, const char* quote) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? quote : std::string(1, c);
  return result + '\'';
}

/// The arm of a bash `case` for what may follow a flag.
std::string to_bash_values(const CommandModel& command, const FlagModel& flag) {
  std::string patterns;
  for (const std::string& name : flag.names) {
    patterns += (patterns.empty() ? "'" : " | '") + command.name + ' ' + name + '\'';
  }
  std::string values;
  if (!flag.choices.empty()) {
    values = "mapfile -t COMPREPLY < <(compgen -W " + quoted(join(flag.choices, " "), "") +
             " -- \"$word\")";
  } else if (flag.value == "FILE" || flag.value == "DIR") {
    values = std::string("compopt -o filenames; mapfile -t COMPREPLY < <(compgen ") +
             (flag.value == "DIR" ? "-d" : "-f") + " -- \"$word\")";
  }
  return "    " + patterns + ") " + values + (values.empty() ? "return ;;\n" : "; return ;;\n");
}

/// Text of a description inside of a zsh specification.
std::string zsh_escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_action(const std::string& value, const std::vector<std::string>& choices) {
  if (!choices.empty()) return "(" + join(choices, " ") + ")";
  if (value == "FILE") return "_files";
  return value == "DIR" ? "_files -/" : " ";
}

/// One specification of _arguments.
std::string to_zsh_flag(const FlagModel& flag) {
  std::string names;
  for (const std::string& name : flag.names) {
    const bool is_long = name.starts_with("--");
    const char* value = flag.value.empty() ? "" : is_long ? "=" : "+";
    names.append(names.empty() ? "" : ",").append(name).append(value);
  }
  std::string rest = '[' + zsh_escaped(first_line(flag.description)) + ']';
  if (!flag.value.empty()) {
    rest += ':' + flag.value + ':' + zsh_action(flag.value, flag.choices);
  }
  const bool is_one = flag.names.size() == 1;
  return "'*'" + (is_one ? names : '{' + names + '}') + quoted(rest, "'\\''");
}

std::string to_zsh_arguments(const CommandModel& command) {
  std::string text = "          _arguments";
  for (const FlagModel& flag : command.flags) text += " \\\n            " + to_zsh_flag(flag);
  for (const ArgumentModel& argument : command.arguments) {
    text += " \\\n            '" + std::string(argument.repeats ? "*" : "1") + ':' + argument.name +
            ':' + zsh_action("", argument.choices) + '\'';
  }
  return text + '\n';
}

std::string to_fish_flag(const std::string& condition, const FlagModel& flag) {
  std::string line = "complete -c code-executor-webhook -n " + quoted(condition, "\\'");
  for (const std::string& name : flag.names) {
    const bool is_long = name.starts_with("--");
    line += (is_long ? " -l " : " -s ") + name.substr(is_long ? 2 : 1);
  }
  if (!flag.choices.empty()) {
    line += " -x -a " + quoted(join(flag.choices, " "), "\\'");
  } else if (flag.value == "FILE") {
    line += " -r -F";
  } else if (flag.value == "DIR") {
    line += " -x -a '(__fish_complete_directories)'";
  } else if (!flag.value.empty()) {
    line += " -x";
  }
  return line + " -d " + quoted(first_line(flag.description), "\\'") + '\n';
}

}  // namespace

std::string to_bash_completion(const ProgramModel& model) {
  const auto names = names_of(model.commands);
  std::string text =
      "# Completion for bash, made by: code-executor-webhook completion bash\n"
      "_code_executor_webhook() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  local command='' words='' i\n"
      "  # bash makes words of --flag=value at the sign.\n"
      "  if [[ $word == = ]]; then\n"
      "    word=''\n"
      "  elif [[ $before == = ]]; then\n"
      "    before=${COMP_WORDS[COMP_CWORD - 2]}\n"
      "  fi\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in\n"
      "    " +
      join(names, " | ") +
      ") command=${COMP_WORDS[i]}; break ;;\n"
      "    esac\n"
      "  done\n"
      "  COMPREPLY=()\n"
      "  case \"$command $before\" in\n";
  for (const CommandModel& command : model.commands) {
    for (const FlagModel& flag : command.flags) {
      if (!flag.value.empty()) text += to_bash_values(command, flag);
    }
  }
  text += "  esac\n  case $command in\n";
  for (const CommandModel& command : model.commands) {
    text += "    " + command.name + ") words='" + join(words_of(command), " ") + "' ;;\n";
  }
  return text + "    *) words='" + join(names, " ") + ' ' + join(flags_of(model.program), " ") +
         "' ;;\n"
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "}\n"
         "complete -F _code_executor_webhook code-executor-webhook\n";
}

std::string to_zsh_completion(const ProgramModel& model) {
  std::string text =
      "#compdef code-executor-webhook\n"
      "# Completion for zsh, made by: code-executor-webhook completion zsh\n"
      "_code_executor_webhook() {\n"
      "  local curcontext=$curcontext state state_descr line\n"
      "  typeset -A opt_args\n"
      "  local -a commands=(\n";
  for (const CommandModel& command : model.commands) {
    text += "    " +
            quoted(command.name + ':' + zsh_escaped(first_line(command.description)), "'\\''") +
            '\n';
  }
  text += "  )\n  _arguments -C";
  for (const FlagModel& flag : model.program.flags) text += " \\\n    " + to_zsh_flag(flag);
  text +=
      " \\\n    '1:command:->command' '*::argument:->argument'\n"
      "  case $state in\n"
      "    command) _describe command commands ;;\n"
      "    argument)\n"
      "      case $line[1] in\n";
  for (const CommandModel& command : model.commands) {
    text += "        " + command.name + ")\n" + to_zsh_arguments(command) + "          ;;\n";
  }
  return text +
         "      esac ;;\n"
         "  esac\n"
         "}\n"
         "# Read as a file of fpath, or by source.\n"
         "if [[ $funcstack[1] == _code-executor-webhook ]]; then\n"
         "  _code_executor_webhook \"$@\"\n"
         "else\n"
         "  compdef _code_executor_webhook code-executor-webhook\n"
         "fi\n";
}

std::string to_fish_completion(const ProgramModel& model) {
  const std::string names = join(names_of(model.commands), " ");
  const std::string before = "not __fish_seen_subcommand_from " + names;
  std::string text =
      "# Completion for fish, made by: code-executor-webhook completion fish\n"
      "complete -c code-executor-webhook -f\n";
  for (const FlagModel& flag : model.program.flags) text += to_fish_flag(before, flag);
  for (const CommandModel& command : model.commands) {
    text += "complete -c code-executor-webhook -n " + quoted(before, "\\'") + " -a " +
            command.name + " -d " + quoted(first_line(command.description), "\\'") + '\n';
  }
  for (const CommandModel& command : model.commands) {
    const std::string after = "__fish_seen_subcommand_from " + command.name;
    for (const FlagModel& flag : command.flags) text += to_fish_flag(after, flag);
    for (const ArgumentModel& argument : command.arguments) {
      if (argument.choices.empty()) continue;
      const std::string first = after + "; and test (count (commandline -opc)) -eq 2";
      text += "complete -c code-executor-webhook -n " + quoted(first, "\\'") + " -a " +
              quoted(join(argument.choices, " "), "\\'") + '\n';
    }
  }
  return text;
}

void add_completion(CLI::App& app) {
  auto* command = app.add_subcommand("completion", "Print a script that completes command lines");
  command->footer(R"(For this shell, and for each new one:

  bash  source <(code-executor-webhook completion bash)
        code-executor-webhook completion bash > /etc/bash_completion.d/code-executor-webhook
  zsh   source <(code-executor-webhook completion zsh)
        code-executor-webhook completion zsh > "${fpath[1]}/_code-executor-webhook"
  fish  code-executor-webhook completion fish | source
        code-executor-webhook completion fish > ~/.config/fish/completions/code-executor-webhook.fish)");
  const auto shell = std::make_shared<std::string>();
  auto* option = command->add_option("SHELL", *shell, "bash, zsh or fish")->required();
  expect_one_of(*option, {"bash", "zsh", "fish"});
  command->callback([shell, &app] {
    const ProgramModel model = read_tree(app);
    std::cout << (*shell == "bash"  ? to_bash_completion(model)
                  : *shell == "zsh" ? to_zsh_completion(model)
                                    : to_fish_completion(model));
  });
}

}  // namespace webhook
