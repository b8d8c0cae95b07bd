#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/usage.h"

namespace webhook {

void add_help(CLI::App& app) {
  auto* command = app.add_subcommand("help", "Print help: of the program, or of COMMAND");
  const auto name = std::make_shared<std::string>();
  command->add_option("COMMAND", *name, "Whose help");
  command->callback([name, &app] {
    if (name->empty()) {
      // Not app.help(), which is that of the command that was chosen.
      std::cout << app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
      return;
    }
    const auto found =
        app.get_subcommands([&](const CLI::App* each) { return each->get_name() == *name; });
    if (found.empty()) throw UsageError("help: " + to_unknown_command(app, *name));
    std::cout << found.front()->help(app.get_name());
  });
}

}  // namespace webhook
