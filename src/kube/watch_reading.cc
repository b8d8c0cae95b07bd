#include "kube/watch_reading.h"

#include <optional>

namespace webhook {
namespace {

std::string version_of(const JsonValue& list_or_object) {
  const JsonValue metadata = list_or_object.field("metadata");
  const JsonValue version = metadata.field("resourceVersion");
  if (version.string().empty()) list_or_object.refuse("has no metadata.resourceVersion");
  return std::string(version.string());
}

std::optional<WatchEventType> to_type(std::string_view type) {
  if (type == "ADDED" || type == "MODIFIED") return WatchEventType::kChanged;
  if (type == "DELETED") return WatchEventType::kDeleted;
  if (type == "BOOKMARK") return WatchEventType::kBookmark;
  if (type == "ERROR") return WatchEventType::kError;
  return std::nullopt;
}

}  // namespace

Result<ListPage> read_list_page(JsonParser& parser, std::string_view body,
                                const ObjectReader& read_object) {
  JsonDocument document(parser, body);
  const JsonValue list = document.root();
  ListPage page{.resource_version = version_of(list)};
  const JsonValue metadata = list.field("metadata");
  const JsonValue next = metadata.field("continue");
  page.next = next.string();
  const JsonValue items = list.field("items");
  page.objects = items.size();
  // Else pages could come without end.
  if (page.objects == 0 && !page.next.empty()) items.refuse("is empty, but there is more");
  if (document.error()) return *document.error();
  items.for_each([&](const JsonValue& object, std::size_t) { read_object(object); });
  if (document.error()) return *document.error();
  return page;
}

Result<WatchEvent> read_watch_event(
    JsonParser& parser, std::string_view line,
    const std::function<void(WatchEventType, const JsonValue&)>& read_object) {
  JsonDocument document(parser, line);
  const JsonValue event = document.root();
  const JsonValue type = event.field("type");
  const JsonValue object = event.field("object");
  const auto known = to_type(type.string());
  if (!known)
    type.refuse("is no type of an event (expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR)");
  WatchEvent read{.type = known.value_or(WatchEventType::kError)};
  if (read.type == WatchEventType::kError) {
    const JsonValue code = object.field("code");
    read.code = code.integer().value_or(0);
  } else {
    read.resource_version = version_of(object);
  }
  if (document.error()) return *document.error();
  if (read.type == WatchEventType::kChanged || read.type == WatchEventType::kDeleted) {
    read_object(read.type, object);
  }
  if (document.error()) return *document.error();
  return read;
}

}  // namespace webhook
