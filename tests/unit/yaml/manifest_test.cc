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
        Document{{"x", 1}, {"z", 3}});
  CHECK(parse_one("own: {<<: [{x: 1}, {x: 2, z: 3}]}")["own"] == Document{{"x", 1}, {"z", 3}});
}

TEST_CASE("a mistake is named by its place") {
  CHECK(message_of("a: 1\n a: 2\n").rfind("f.yaml:2:3: not YAML: ", 0) == 0);
  CHECK(message_of("a: 1\nb: 2\na: 3\n") ==
        "f.yaml:3:1: key 'a' is there twice, first at 1:1 (expected once)");
  CHECK(message_of("a: !!binary aGk=") ==
        "f.yaml:1:4: tag 'tag:yaml.org,2002:binary' (expected none)");
  CHECK(message_of("[1]: x") == "f.yaml:1:1: key is not a scalar (expected a string)");
  CHECK(message_of("~: x") == "f.yaml:1:1: key is null (expected a string)");
  CHECK(message_of("a: {<<: 5}") ==
        "f.yaml:1:9: << is not a mapping (expected one, or a list of them)");
  CHECK(message_of("\n\xC3\xA4: \"\\xff\xff\"") ==
        "f.yaml:2:9: not YAML: invalid leading UTF-8 octet (expected UTF-8)");
  CHECK(message_of("a: 1\nimage: \"tryretool/code-ex") ==
        "f.yaml:2:8: not YAML: found unexpected end of stream while scanning a quoted scalar "
        "(expected the closing quote)");
  CHECK(message_of("a: [b,\n  c\nd: e\n") ==
        "f.yaml:3:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence of "
        "line 1 (expected the closing ], or a comma between elements)");
  CHECK(message_of("o: {z: 3, <<: {z: 1}}") ==
        "f.yaml:1:11: << has key 'z' too, which stands before it at 1:5 (expected << first)");
}

// Of each, yaml-cpp makes data.
TEST_CASE("what only looks like YAML is refused") {
  for (const char* text : {"a: \"x", "a: 'x\n", "a: 1\nstray", "a: 1\nstray\n", "- a\nb\n",
                           "a:\n  b: 1\nc\n", "[fe80::, x]", "a: [b?c]",
                           "a: 1\n---\n\xEF\xBB\xBF"
                           "b: 2\n",
                           "[!!str, x]"}) {
    CAPTURE(text);
    CHECK(message_of(text).rfind("f.yaml:", 0) == 0);
  }
}

TEST_CASE("texts of several lines keep the newlines that they have") {
  CHECK(parse_one("a: |\n  x\n  y") == Document{{"a", "x\ny"}});
  CHECK(parse_one("a: |\n  x\n  y\n") == Document{{"a", "x\ny\n"}});
  CHECK(parse_one("a: >+\n  x\n\n") == Document{{"a", "x\n\n"}});
  CHECK(parse_one("a: '\n\n\n  '\n") == Document{{"a", "\n\n"}});
}

TEST_CASE("keys are what sigs.k8s.io/yaml makes of them") {
  CHECK(parse_one("{8080: a, 017: b, 1.50: c, 1e6: d, yes: e, 0.00001: f, 123456.0: g}") ==
        Document{{"8080", "a"},
                 {"15", "b"},
                 {"1.5", "c"},
                 {"1e+06", "d"},
                 {"true", "e"},
                 {"1e-05", "f"},
                 {"123456", "g"}});
  for (const char* key : {"18446744073709551615", "1e300", "~"}) {
    CAPTURE(key);
    CHECK(message_of(std::string("{") + key + ": x}").find("1:2: key is ") != std::string::npos);
  }
}

TEST_CASE("a hundred thousand keys, in YAML and in JSON") {
  std::string yaml;
  std::string json = "{";
  for (int i = 0; i < 100'000; ++i) {
    yaml += "key" + std::to_string(i) + ": v\n";
    json += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  }
  CHECK(parse_one(yaml).size() == 100'000);
  CHECK(parse_one(json + '}').size() == 100'000);
  CHECK(message_of(yaml + "key500: v\n") ==
        "f.yaml:100001:1: key 'key500' is there twice, first at 501:1 (expected once)");
}

TEST_CASE("what aliases blow up, or nests without end, is refused") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += 'a' + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += last + (k < 9 ? ", " : "]\n");
  }
  CHECK(message_of(bomb).find("too large once its aliases are expanded") != std::string::npos);
  // One text, in which a text of a megabyte is repeated.
  std::string copies = "a: &a " + std::string(1U << 20U, 'x') + "\nb: [*a";
  for (int i = 0; i < 20; ++i) copies += ", *a";
  CHECK(message_of(copies + "]\n").find("too large once its aliases are expanded") !=
        std::string::npos);
  CHECK(message_of(std::string(100, '[') + std::string(100, ']')) == "accepted");
  CHECK(message_of(std::string(101, '[') + std::string(101, ']')) ==
        "f.yaml:1:101: nested too deeply (expected at most 100 levels)");
  CHECK(message_of(std::string(10000, '[')).find("nested too deeply") != std::string::npos);
}

TEST_CASE("what is printed reads back as the same") {
  const Document document = {
      {"plain", "text"},
      {"words", {"yes", "1.33", "0o17", "~", "", " x", "x ", "- x", "#x", "a: b", "2001-01-01"}},
      {"numbers", {0, -1, 18446744073709551615U, 0.1, 1e300}},
      {"others", {nullptr, true, Document::object(), Document::array()}},
      {"lines", {"a\nb\n", "a\nb", "a\n\n", "\na", " a\nb", "a \nb", "a\tb\nc"}},
      {"more", {"\xEF\xBF\xBE", "\xEF\xBF\xBF", "\xC2\x9F", "\xE2\x80\xA9"}},
      {"odd", {"\x7f", "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF", "\xF0\x9F\x98\x80", "\x01"}},
      {"key: with # marks", {{"<<", 1}, {"yes", 2}, {"", 3}}}};
  CHECK(parse_one(to_yaml(document)) == document);
  CHECK(parse_one(to_json(document)) == document);
  CHECK(Document::parse(to_json(document)) == document);
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
  CHECK(pods_in("{apiVersion: v1, kind: PodList, items: [{metadata: {name: p}}]}") ==
        std::vector<std::string>{"Pod /p "});
  CHECK(pods_in("{apiVersion: apps/v1, kind: DeploymentList, items: [{spec: {template: {}}}]}") ==
        std::vector<std::string>{"Deployment / /spec/template"});
  for (const char* none :
       {"{apiVersion: apps/v1, kind: Pod}", "{apiVersion: x/v1, kind: PodList, items: [{}]}",
        "{kind: Deployment, spec: {}}", "{apiVersion: apps/v1, kind: Deployment, spec: {}}", "[1]",
        "text", "{apiVersion: v1, kind: PodList, items: {}}"}) {
    CAPTURE(none);
    CHECK(pods_in(none).empty());
  }
}

TEST_CASE("objects have apiVersion and kind, and what has none is told") {
  const auto why_not = [](const std::string& text) {
    try {
      (void)parse_objects(text, "f");
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const std::string expected = " (expected an object of Kubernetes, with apiVersion and kind)";
  CHECK(why_not("# only\n---\n") == "accepted");
  CHECK(why_not("kind: A\napiVersion: b\n") == "accepted");
  CHECK(why_not("\nError\n") == "f:2:1: a string" + expected);
  CHECK(why_not("- 1\n") == "f:1:1: an array" + expected);
  CHECK(why_not("kind: A\napiVersion: b\n---\na: 1\n") ==
        "f:4:1: an object without apiVersion" + expected);
  CHECK(why_not("{apiVersion: v1, kind: 5}") == "f:1:1: an object without kind" + expected);
  CHECK(why_not("{apiVersion: admission.k8s.io/v1, kind: AdmissionReview}") ==
        "f:1:1: an AdmissionReview (expected manifests; the command `review` takes this)");
  CHECK(why_not("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: A}, x]}") ==
        "f:1:1: items[1]: a string" + expected);
  CHECK(why_not("{apiVersion: v1, kind: PodList, items: [{}]}") == "accepted");
  CHECK(why_not("{apiVersion: x/v1, kind: AllowList, items: [a]}") == "accepted");
}

TEST_CASE("the kinds of a list are those of its items") {
  const auto kinds = [](const std::string& text) { return kinds_in(parse_one(text)); };
  CHECK(kinds("{kind: Pod}") == std::vector<std::string>{"Pod"});
  CHECK(kinds("{kind: List, items: [{kind: A}, {kind: List, items: [{kind: B}]}]}") ==
        std::vector<std::string>{"A", "B"});
  CHECK(kinds("{kind: PodList, items: [{}, {kind: Pod}]}") ==
        std::vector<std::string>{"Pod", "Pod"});
  CHECK(kinds("{kind: List, items: []}").empty());
}

TEST_CASE("JSON may have pairs of escapes for one character, and YAML none") {
  const auto value = [](const std::string& text) { return parse_one(text)["a"]; };
  const std::string face = "\xF0\x9F\x98\x80";
  CHECK(value(R"({"a": "\ud83d\ude00"})") == face);
  CHECK(value(R"({"a": "x\uD83D\uDE00\ud83d\ude00\u00e9\n"})") == "x" + face + face + "\u00e9\n");
  CHECK(value(R"({"a": "\ud800\udc00\udbff\udfff"})") == "\U00010000\U0010FFFF");
  CHECK(value(R"({"\ud83d\ude00": 1, "a": {"\ud83d\ude00": [2]}})")[face] == Document::array({2}));
  // A backslash, and what stands behind it.
  CHECK(value(R"({"b": "\ud83d\ude00", "a": "\\ud83d\\ude00\""})") == R"(\ud83d\ude00")");
  CHECK(value("{a: '\\ud83d\\ude00'}") == R"(\ud83d\ude00)");
  CHECK(value("a: '\\ud83d\\ude00'") == R"(\ud83d\ude00)");

  const auto why_not = [](const std::string& text) {
    CAPTURE(text);
    try {
      (void)parse_manifest(text, "f");
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  for (const char* half : {R"("\ud83d")", R"("\ud83dx\ude00")", R"("\ude00")", R"("\ude00\ud83d")",
                           R"("\ud83d\u0041")", R"("\ud83d\ud83d\ude00")", R"("\ud83d\n")"}) {
    CHECK(why_not("{\"a\": " + std::string(half) + "}").find("Unicode character escape") !=
          std::string::npos);
    CHECK(why_not(R"({"b": "\ud83d\ude00", "a": )" + std::string(half) + "}")
              .find("Unicode character escape") != std::string::npos);
  }
  CHECK(why_not(R"(a: "\ud83d\ude00")").find("Unicode character escape") != std::string::npos);
  // Places are those of the text as it is.
  CHECK(why_not(R"({"\ud83d\ude00": "\ud83d\ude00", "b": 1, "b": 2})").starts_with("f:1:42: key"));
}

}  // namespace webhook
