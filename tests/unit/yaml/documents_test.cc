#include "yaml/documents.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace webhook {
namespace {

std::string message_of(const std::string& text) {
  try {
    (void)load_yaml(text, "c.yaml");
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("documents are those of yaml-cpp, with their places") {
  const auto documents = load_yaml("---\na: &x [1, 'two', ~]\nb: *x\n--- |\n  text\n...\n", "c");
  REQUIRE(documents.size() == 2);
  CHECK(documents[0]["b"][1].Scalar() == "two");
  CHECK(documents[0]["a"].Mark().line == 1);
  CHECK(documents[1].Scalar() == "text\n");
  CHECK(load_yaml("# nothing\n", "c").empty());
}

TEST_CASE("what is not YAML, or is there twice, is refused by place") {
  CHECK(message_of("a: \"x") ==
        "c.yaml:1:4: not YAML: found unexpected end of stream while scanning a quoted scalar "
        "(expected the closing quote)");
  CHECK(message_of("a: {b: 1, b: 2}") ==
        "c.yaml:1:11: key 'b' is there twice, first at 1:5 (expected once)");
  CHECK(message_of("a: 1\nstray\n").rfind("c.yaml:", 0) == 0);
}

// yaml-cpp's reading is used for configuration files only where libyaml reads the same.
TEST_CASE("what yaml-cpp reads otherwise than libyaml is refused") {
  for (const std::string text : {"a: >+\n  x\n\n", "'\n  \n   \n'\n", "a: x\rb: y\r"}) {
    CAPTURE(text);
    CHECK(message_of(text).find("not every reader reads the same") != std::string::npos);
  }
  CHECK(message_of("a: {<<: {b: 1}}") ==
        "c.yaml:1:5: << is not read here (expected the keys themselves)");
}

}  // namespace webhook
