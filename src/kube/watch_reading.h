#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/result.h"

namespace webhook {

/// Gets an object of the API server's, valid during the call. What it finds wrong with that, it
/// refuses by the value itself: so is the page or the event then.
using ObjectReader = std::function<void(const JsonValue& object)>;

/// What a page says of itself.
struct ListPage {
  std::string resource_version = {};  ///< Of the whole list.
  std::string next = {};              ///< The token for the next page; empty: this is the last one.
  std::size_t objects = 0;
};

/// Reads the list in `body`, and hands its objects on.
/// Error: no list, no version, or an object is refused.
Result<ListPage> read_list_page(JsonParser& parser, std::string_view body,
                                const ObjectReader& read_object);

/// What a line of a watch is about.
enum class WatchEventType {
  kChanged,   ///< The object is new, or has changed.
  kDeleted,   ///< As it was before.
  kBookmark,  ///< Nothing but its version is known of.
  kError,     ///< It is a Status, and the watch ends.
};

struct WatchEvent {
  WatchEventType type = WatchEventType::kError;
  std::string resource_version = {};  ///< Which it is as of; empty for kError.
  std::int64_t code = 0;              ///< Of kError: an HTTP status.
};

/// Reads a line of a watch, and hands on the object that has changed or is deleted.
/// Error: no event, no version, or the object is refused.
Result<WatchEvent> read_watch_event(
    JsonParser& parser, std::string_view line,
    const std::function<void(WatchEventType, const JsonValue&)>& read_object);

}  // namespace webhook
