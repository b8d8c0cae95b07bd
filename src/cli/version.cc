#include <httplib.h>
#include <openssl/crypto.h>
#include <simdjson.h>
#include <spdlog/version.h>
#include <yaml.h>

#include <iostream>
#include <sstream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"

namespace webhook {
namespace {

std::string to_versions() {
  std::ostringstream text;
  text << "code-executor-webhook " WEBHOOK_VERSION "\n"
       << "  cpp-httplib " << CPPHTTPLIB_VERSION << '\n'
       << "  OpenSSL " << OpenSSL_version(OPENSSL_VERSION_STRING) << '\n'
       << "  nlohmann-json " << NLOHMANN_JSON_VERSION_MAJOR << '.' << NLOHMANN_JSON_VERSION_MINOR
       << '.' << NLOHMANN_JSON_VERSION_PATCH << '\n'
       << "  simdjson " << simdjson::SIMDJSON_VERSION_MAJOR << '.'
       << simdjson::SIMDJSON_VERSION_MINOR << '.' << simdjson::SIMDJSON_VERSION_REVISION << '\n'
       << "  libyaml " << yaml_get_version_string() << '\n'
       << "  yaml-cpp " WEBHOOK_YAML_CPP_VERSION "\n"
       << "  spdlog " << SPDLOG_VER_MAJOR << '.' << SPDLOG_VER_MINOR << '.' << SPDLOG_VER_PATCH
       << '\n'
       << "  CLI11 " << CLI11_VERSION << '\n'
       << "  prometheus-cpp " WEBHOOK_PROMETHEUS_CPP_VERSION "\n"
       << "  nghttp2 " WEBHOOK_NGHTTP2_VERSION;
  return text.str();
}

}  // namespace

void add_version(CLI::App& app) {
  constexpr const char* kDescription = "Print the version of this program and of its libraries";
  auto* command = app.add_subcommand("version", kDescription);
  command->callback([] { std::cout << to_versions() << '\n'; });
  app.set_version_flag("-V,--version", to_versions, kDescription);
}

}  // namespace webhook
