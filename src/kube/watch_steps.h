#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace webhook {

/// How the call for a page, or of a watch, came to its end.
enum class CallEnd {
  kInOrder,  ///< As the API server meant it to.
  kCut,      ///< The connection, or the time for it, ended before.
  kRefused,  ///< The API server takes no such call (410 Gone is one), or told what we do not take.
};

/// Which call follows a collection of the API server next: first page by page what is there, then
/// what changes from then on. Pure: `chance`, from 0 up to 1, is the caller's.
///
/// A watch goes on from where the last one ended only if that one has told anything, be it a
/// bookmark. Otherwise all is listed anew: an API server whose etcd was restored from a backup is
/// silent about versions that it has yet to reach, and says nothing of it.
/// See Kubernetes API Concepts, "Efficient detection of changes" and "Retrieving large results sets
/// in chunks".
class WatchSteps {
 public:
  /// Of objects: a node with its images and owners of fields has some 20 KB, and a page is read as
  /// a whole.
  static constexpr int kPageSize = 25;
  /// A watch takes between one and one and a half times this: so late is a connection noticed whose
  /// other side is gone without a word. Servers send a bookmark each minute, and before the end.
  static constexpr std::chrono::seconds kWatchTime{120};
  /// After so many watches, half an hour, all is listed anew: a restored etcd may have gone past
  /// our version meanwhile, by other changes.
  static constexpr int kWatchesOfAList = 12;
  static constexpr std::chrono::milliseconds kFirstDelay = std::chrono::seconds(1);
  static constexpr std::chrono::milliseconds kLongestDelay = std::chrono::seconds(30);

  /// `collection` is a path without a query: "/api/v1/nodes".
  explicit WatchSteps(std::string collection) : collection_(std::move(collection)) {}

  /// The next call is for a page; else it is a watch.
  [[nodiscard]] bool is_listing() const { return version_.empty(); }
  /// That page is the first one: what was read of others no longer counts.
  [[nodiscard]] bool is_first_page() const { return is_listing() && next_page_.empty(); }

  /// Path and query of the next call.
  [[nodiscard]] std::string path(double chance) const;

  /// A page was read: `next_page` is its `continue`, empty for the last one. The next call is for
  /// now.
  void note_page(std::string_view resource_version, std::string_view next_page);

  /// The watch under way has told something that holds as of `resource_version`.
  void note_event(std::string_view resource_version);

  /// A watch has ended, or a page could not be read. Returns how long to wait until the next call:
  /// each time twice as long, unless a watch has told something.
  std::chrono::milliseconds note_end(CallEnd end, double chance);

 private:
  void list_anew();

  std::string collection_;
  std::string version_;    ///< From which to watch; empty while pages are missing.
  std::string next_page_;  ///< The token `continue`; empty for the first page.
  bool has_told_ = false;  ///< The watch under way.
  int watches_ = 0;        ///< Since all was listed.
  std::chrono::milliseconds delay_ = kFirstDelay;
};

}  // namespace webhook
