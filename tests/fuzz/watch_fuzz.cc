// Any bytes for a page of a list and for a line of a watch: what is read has what it takes to go
// on, what is not has a reason, and objects are handed on only from what had a version.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "kube/watch_reading.h"

namespace webhook {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "watch_fuzz: %s\n", what);
  std::abort();
}

void check_page(JsonParser& parser, std::string_view body) {
  std::size_t objects = 0;
  const auto page = read_list_page(parser, body, [&](const JsonValue&) { ++objects; });
  if (!page) {
    require(!page.error().message.empty(), "a page refused without a reason");
    return;
  }
  require(!page->resource_version.empty(), "a page without a version");
  require(page->objects == objects, "not all objects are handed on");
  require(objects > 0 || page->next.empty(), "pages without end");
}

void check_event(JsonParser& parser, std::string_view line) {
  std::size_t objects = 0;
  const auto event = read_watch_event(parser, line, [&](WatchEventType type, const JsonValue&) {
    require(type == WatchEventType::kChanged || type == WatchEventType::kDeleted,
            "no object of the collection is handed on");
    ++objects;
  });
  if (!event) {
    require(!event.error().message.empty(), "an event refused without a reason");
    return;
  }
  const bool is_error = event->type == WatchEventType::kError;
  require(event->resource_version.empty() == is_error, "an event without a version");
  require(objects == (is_error || event->type == WatchEventType::kBookmark ? 0 : 1),
          "an event hands on another number of objects");
}

}  // namespace
}  // namespace webhook

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static webhook::JsonParser parser;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  webhook::check_page(parser, bytes);
  webhook::check_event(parser, bytes);
  return 0;
}
