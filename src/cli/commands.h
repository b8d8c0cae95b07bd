#pragma once

// NOLINTNEXTLINE(readability-identifier-naming): CLI11 names it
namespace CLI {
class App;
}  // namespace CLI

namespace webhook {

// Each adds its subcommand to `app`. A command that is chosen runs while the line is parsed; it
// throws std::exception for what is wrong with the input or the environment.

void add_serve(CLI::App& app);
void add_mutate(CLI::App& app);
void add_review(CLI::App& app);
void add_explain(CLI::App& app);
void add_doctor(CLI::App& app);
void add_certs(CLI::App& app);
void add_policy(CLI::App& app);
void add_profile(CLI::App& app);
void add_completion(CLI::App& app);
void add_man(CLI::App& app);
void add_help(CLI::App& app);
void add_version(CLI::App& app);  ///< And the flags -V and --version.

}  // namespace webhook
