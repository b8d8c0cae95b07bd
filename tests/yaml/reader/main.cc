// Reads texts as `mutate` reads manifests, for oracle_test.go: of each, the data and what is
// printed of it. In: a line with the number of bytes, and the text. Out: a line of JSON.
#include <iostream>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "yaml/documents.h"
#include "yaml/manifest.h"

namespace {

std::string load_error(const std::string& text) {
  try {
    (void)webhook::load_yaml(text, "f");
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

nlohmann::json read(const std::string& text) {
  // What configuration files are read with: yaml-cpp, where it reads as libyaml does.
  nlohmann::json answer = {{"loadError", load_error(text)}};
  try {
    for (const webhook::Document& document : webhook::parse_manifest(text, "f")) {
      answer["json"].push_back(webhook::to_json(document));
      answer["yaml"].push_back(webhook::to_yaml(document));
    }
  } catch (const std::runtime_error& error) {
    answer["error"] = error.what();
  }
  return answer;
}

}  // namespace

int main() {
  std::string size;
  while (std::getline(std::cin, size)) {
    std::string text(std::stoul(size), '\0');
    if (!std::cin.read(text.data(), static_cast<std::streamsize>(text.size()))) return 1;
    using Handler = nlohmann::json::error_handler_t;
    std::cout << read(text).dump(-1, ' ', false, Handler::replace) << std::endl;
  }
  return 0;
}
