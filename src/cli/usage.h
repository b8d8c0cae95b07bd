#pragma once

#include <stdexcept>
#include <string>

// NOLINTBEGIN(readability-identifier-naming): CLI11 names them
namespace CLI {
class App;
class ParseError;
}  // namespace CLI
// NOLINTEND(readability-identifier-naming)

namespace webhook {

/// A command line that no rule for a single option refuses: "explain: what (what would be right)".
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What is wrong with the command line for which `app` threw `error`, in one line: "mutate: unknown
/// flag --outptu (did you mean --output?)".
std::string to_usage_message(CLI::App& app, const CLI::ParseError& error);

/// "unknown command 'serv' (did you mean serve?)".
std::string to_unknown_command(CLI::App& app, const std::string& word);

}  // namespace webhook
