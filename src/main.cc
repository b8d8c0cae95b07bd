#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <string>

#include "cli/commands.h"
#include "cli/usage.h"

namespace {

constexpr int kFailed = 1;  // the input or the environment is wrong
constexpr int kWrongUsage = 2;

constexpr const char* kFooter =
    R"(Exit codes: 0 done, 1 the input or the environment is wrong, 2 wrong usage. What is wrong is
said in one line on standard error. NO_COLOR keeps colours off terminals.)";

int fail(const std::string& why, int code = kFailed) {
  std::cerr << "code-executor-webhook: " << why << '\n';
  return code;
}

int run(int argc, char** argv) {
  CLI::App app(
      "Sandboxes Retool's code-executor pods: a mutating admission webhook for Kubernetes.",
      "code-executor-webhook");
  app.footer(kFooter);
  app.require_subcommand(1);
  webhook::add_serve(app);
  webhook::add_mutate(app);
  webhook::add_review(app);
  webhook::add_explain(app);
  webhook::add_doctor(app);
  webhook::add_certs(app);
  webhook::add_policy(app);
  webhook::add_profile(app);
  webhook::add_completion(app);
  webhook::add_man(app);
  webhook::add_help(app);
  webhook::add_version(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // for help, or the version
    app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return fail(webhook::to_usage_message(app, error), kWrongUsage);
  } catch (const webhook::UsageError& error) {
    return fail(error.what(), kWrongUsage);
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
