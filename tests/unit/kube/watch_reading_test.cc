#include "kube/watch_reading.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace webhook {
namespace {

std::string name_of(const JsonValue& object) {
  const JsonValue metadata = object.field("metadata");
  const JsonValue name = metadata.field("name");
  if (name.string().empty()) name.refuse("is missing");
  return std::string(name.string());
}

/// "version next name name", or what is wrong.
std::string read_page(std::string_view body) {
  JsonParser parser;
  std::string names;
  const auto page = read_list_page(
      parser, body, [&](const JsonValue& object) { names += ' ' + name_of(object); });
  if (!page) return page.error().message;
  return page->resource_version + ' ' + page->next + names + ' ' + std::to_string(page->objects);
}

TEST_CASE("a page has objects, a version, and perhaps more behind it") {
  struct Row {
    const char* body;
    const char* read;
  };
  for (const Row& row : {
           Row{R"({"metadata":{"resourceVersion":"7"},"items":[]})", "7  0"},
           Row{R"({"metadata":{"resourceVersion":"7"},"items":null})", "7  0"},
           Row{R"({"kind":"NodeList","metadata":{"resourceVersion":"7","continue":"more",)"
               R"("remainingItemCount":9},"items":[{"metadata":{"name":"a"}},)"
               R"({"metadata":{"name":"b"}}]})",
               "7 more a b 2"},
           Row{R"({"metadata":{"continue":""},"items":[]})",
               "body: has no metadata.resourceVersion"},
           Row{R"({"metadata":{"resourceVersion":7},"items":[]})",
               "metadata.resourceVersion: is a number (expected a string)"},
           Row{R"({"metadata":{"resourceVersion":"7","continue":"more"},"items":[]})",
               "items: is empty, but there is more"},
           Row{R"({"metadata":{"resourceVersion":"7"},"items":{}})",
               "items: is an object (expected a list)"},
           Row{R"({"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}},{}]})",
               "items[1].metadata.name: is missing"},
           Row{R"({"metadata":{"resourceVersion":"7"},"items":[)",
               "body: not JSON: The JSON document has an improper structure: missing or "
               "superfluous commas, braces, missing keys, etc."},
           Row{"[]", "body: is a list (expected an object)"},
           Row{"", "body: not JSON: Empty: no JSON found"},
       }) {
    CAPTURE(row.body);
    CHECK(read_page(row.body) == row.read);
  }
}

/// "type version name", or what is wrong.
std::string read_event(std::string_view line) {
  JsonParser parser;
  std::string read;
  const auto event =
      read_watch_event(parser, line, [&](WatchEventType type, const JsonValue& object) {
        read += (type == WatchEventType::kDeleted ? "- " : "+ ") + name_of(object) + ' ';
      });
  if (!event) return event.error().message;
  if (event->type == WatchEventType::kBookmark) read += "bookmark ";
  if (event->type == WatchEventType::kError) read += "error " + std::to_string(event->code);
  return read + event->resource_version;
}

TEST_CASE("each event has a type, and what it is about") {
  struct Row {
    const char* line;
    const char* read;
  };
  const char* const types = "(expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR)";
  for (const Row& row : {
           Row{R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"7"}}})",
               "+ a 7"},
           Row{R"({"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"8"}}})",
               "+ a 8"},
           Row{R"({"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"9"}}})",
               "- a 9"},
           Row{R"({"type":"BOOKMARK","object":{"kind":"Node","metadata":{"resourceVersion":"9"}}})",
               "bookmark 9"},
           Row{R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})",
               "error 410"},
           Row{R"({"type":"ERROR","object":{}})", "error 0"},
           Row{R"({"type":"ERROR","object":{"code":"410"}})",
               "object.code: is a string (expected an integer)"},
           Row{R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})",
               "object: has no metadata.resourceVersion"},
           Row{R"({"type":"BOOKMARK","object":{}})", "object: has no metadata.resourceVersion"},
           Row{R"({"type":"BOOKMARK"})", "object: has no metadata.resourceVersion"},
           Row{R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}})",
               "object.metadata.name: is missing"},
           Row{R"({"type":"ADDED","object":[]})", "object: is a list (expected an object)"},
           Row{R"({"kind":"Status","code":410})", nullptr},
           Row{R"({"type":"added","object":{}})", nullptr},
           Row{"null", "body: is null (expected an object)"},
       }) {
    CAPTURE(row.line);
    const std::string read = read_event(row.line);
    if (row.read != nullptr) {
      CHECK(read == row.read);
    } else {
      CHECK(read == std::string("type: is no type of an event ") + types);
    }
  }
}

TEST_CASE("a line that was cut is no event") {
  const std::string line =
      R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"7"}}})";
  for (std::size_t size = 0; size < line.size(); ++size) {
    CAPTURE(size);
    CHECK(read_event(line.substr(0, size)).starts_with("body: not JSON: "));
  }
}

}  // namespace
}  // namespace webhook
