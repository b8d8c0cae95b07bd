#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>

#include "cli/commands.h"

namespace {

constexpr int kFailed = 1;  // the input or the environment is wrong
constexpr int kWrongUsage = 2;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Sandboxes Retool's code-executor pods: a mutating admission webhook for Kubernetes.",
      "code-executor-webhook");
  app.require_subcommand(1);
  webhook::add_serve(app);
  webhook::add_mutate(app);
  webhook::add_review(app);
  webhook::add_certs(app);
  webhook::add_profile(app);
  webhook::add_version(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  } catch (const std::exception& error) {
    std::cerr << "code-executor-webhook: " << error.what() << '\n';
    return kFailed;
  }
  std::cout.flush();
  if (!std::cout) {
    std::cerr << "code-executor-webhook: standard output: cannot be written\n";
    return kFailed;
  }
  return 0;
}
