#include "yaml/manifest.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace webhook {
namespace {

Document parse_one(const std::string& text) {
  const auto documents = parse_manifest(text, "f.yaml");
  REQUIRE(documents.size() == 1);
  return documents.front();
}

std::string message_of(const std::string& text) {
  try {
    (void)parse_manifest(text, "f.yaml");
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

/// Where for_each_pod finds pods in `text`: "Kind namespace/name pointer".
std::vector<std::string> pods_in(const std::string& text) {
  std::vector<std::string> found;
  for (Document& document : parse_manifest(text, "f.yaml")) {
    for_each_pod(document, [&](const PodPlace& place) {
      found.push_back(place.kind + ' ' + place.ns + '/' + place.name + ' ' +
                      place.template_at.to_string());
      CHECK(place.object->contains(place.template_at));
    });
  }
  return found;
}

}  // namespace

TEST_CASE("empty documents are left out") {
  CHECK(parse_manifest("", "f").empty());
  CHECK(parse_manifest("---\n# nothing\n---\n~\n", "f").empty());
  CHECK(parse_manifest("---\na: 1\n---\n---\nb: 2\n...\n", "f").size() == 2);
}

TEST_CASE("quotes and the tag of strings keep text text") {
  CHECK(parse_one(R"({a: "1.33", b: 'yes', c: !!str 5, d: ""})") ==
        Document{{"a", "1.33"}, {"b", "yes"}, {"c", "5"}, {"d", ""}});
}

TEST_CASE("aliases and merge keys are expanded, and what is there stays") {
  CHECK(parse_one("base: &b {x: 1, z: 2}\nown: {<<: *b, z: 3}\n")["own"] ==
        Document{{"z", 3}, {"x", 1}});
  CHECK(parse_one("own: {<<: [{x: 1}, {x: 2, z: 3}]}")["own"] == Document{{"x", 1}, {"z", 3}});
}

TEST_CASE("a mistake is named by its place") {
  CHECK(message_of("a: 1\n a: 2\n").rfind("f.yaml:2:3: not YAML: ", 0) == 0);
  CHECK(message_of("a: 1\nb: 2\na: 3\n") == "f.yaml:3:1: key 'a' is there twice (expected once)");
  CHECK(message_of("a: !!binary aGk=") ==
        "f.yaml:1:4: tag 'tag:yaml.org,2002:binary' (expected none)");
  CHECK(message_of("[1]: x") == "f.yaml:1:1: key is not a scalar (expected a string)");
  CHECK(message_of("~: x").rfind("f.yaml:1:1: key is", 0) == 0);
  CHECK(message_of("a: {<<: 5}") ==
        "f.yaml:1:9: << is not a mapping (expected one, or a list of them)");
  CHECK(message_of("a: \"\\xff\xff\"") == "f.yaml:1:4: text is not UTF-8");
}

TEST_CASE("what aliases blow up, or nests without end, is refused") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += 'a' + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += last + (k < 9 ? ", " : "]\n");
  }
  CHECK(message_of(bomb).find("too large once its aliases are expanded") != std::string::npos);
  CHECK(message_of(std::string(102, '[') + std::string(102, ']')).find("nested too deeply") !=
        std::string::npos);
}

TEST_CASE("what is printed reads back as the same") {
  const Document document = {
      {"plain", "text"},
      {"words", {"yes", "1.33", "0o17", "~", "", " x", "x ", "- x", "#x", "a: b", "2001-01-01"}},
      {"numbers", {0, -1, 18446744073709551615U, 0.1, 1e300}},
      {"others", {nullptr, true, Document::object(), Document::array()}},
      {"lines", {"a\nb\n", "a\nb", "a\n\n", "\na", " a\nb", "a \nb", "a\tb\nc"}},
      {"odd", {"\x7f", "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF", "\xF0\x9F\x98\x80", "\x01"}},
      {"key: with # marks", {{"<<", 1}, {"yes", 2}, {"", 3}}}};
  CHECK(parse_one(to_yaml(document)) == document);
}

TEST_CASE("a key too long for YAML's short form is printed in the long one") {
  const std::string key(2000, 'k');
  for (const Document& value :
       {Document("text"), Document(1), Document("a\nb\n"), Document::array(), Document{1, {2, 3}},
        Document::object(), Document{{"a", 1}, {key, {{key, {"b"}}}}, {"c", 2}}}) {
    const Document document = {{"before", {{{key, value}, {"after", 1}}}}, {"z", 0}};
    const std::string text = to_yaml(document);
    CAPTURE(text);
    CHECK(parse_one(text) == document);
  }
}

TEST_CASE("pods are found in every kind that has them, and nowhere else") {
  CHECK(pods_in("{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: s}}") ==
        std::vector<std::string>{"Pod s/p "});
  CHECK(pods_in("{apiVersion: apps/v1, kind: Deployment, metadata: {generateName: g-}, "
                "spec: {template: {}}}") ==
        std::vector<std::string>{"Deployment /g- /spec/template"});
  CHECK(
      pods_in("{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {}}}}}")
          .size() == 1);
  CHECK(pods_in("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod}, "
                "{apiVersion: v1, kind: ConfigMap}, {apiVersion: v1, kind: Pod}]}")
            .size() == 2);
  for (const char* none : {"{apiVersion: apps/v1, kind: Pod}", "{kind: Deployment, spec: {}}",
                           "{apiVersion: apps/v1, kind: Deployment, spec: {}}", "[1]", "text",
                           "{apiVersion: v1, kind: PodList, items: {}}"}) {
    CAPTURE(none);
    CHECK(pods_in(none).empty());
  }
}

}  // namespace webhook
