#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>

#include "cli/commands.h"

namespace {

constexpr int kFailed = 1;  // the input or the environment is wrong
constexpr int kWrongUsage = 2;

int fail(const char* why) {
  std::cerr << "code-executor-webhook: " << why << '\n';
  return kFailed;
}

int run(int argc, char** argv) {
  CLI::App app(
      "Sandboxes Retool's code-executor pods: a mutating admission webhook for Kubernetes.",
      "code-executor-webhook");
  app.require_subcommand(1);
  webhook::add_serve(app);
  webhook::add_mutate(app);
  webhook::add_review(app);
  webhook::add_certs(app);
  webhook::add_profile(app);
  webhook::add_doctor(app);
  webhook::add_version(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  std::cout.flush();
  return std::cout ? 0 : fail("standard output: cannot be written");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
