#pragma once

#include <string>
#include <string_view>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): CLI11 names it
namespace CLI {
class App;
}  // namespace CLI

namespace webhook {

/// An option of a command, as help, man pages and completions show it.
struct FlagModel {
  std::vector<std::string> names;  ///< "-f", "--filename".
  std::string value;               ///< "FILE"; empty where it takes none.
  std::vector<std::string> choices;
  std::string description;
  std::string preset;  ///< The default; empty for none.
  bool is_required = false;
};

/// What a command takes without a flag before it.
struct ArgumentModel {
  std::string name;  ///< "COMMAND".
  std::vector<std::string> choices;
  std::string description;
  bool is_required = false;
  bool repeats = false;
};

struct CommandModel {
  std::string name;
  std::string description;
  std::string footer;
  std::vector<FlagModel> flags;
  std::vector<ArgumentModel> arguments;
};

struct ProgramModel {
  CommandModel program;
  std::vector<CommandModel> commands;
};

/// Reads the tree of options that CLI11 parses by; what no help shows is left out.
ProgramModel read_tree(CLI::App& app);

/// The one of `words` that `word` is most likely meant to be; empty where none is close.
std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace webhook
