#include "kube/watch_steps.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/text.h"

namespace webhook {
namespace {

std::chrono::milliseconds scaled(std::chrono::milliseconds time, double factor) {
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(time.count()) * factor));
}

}  // namespace

std::string WatchSteps::path(double chance) const {
  if (is_listing()) {
    const std::string more = next_page_.empty() ? "" : "&continue=" + percent_encoded(next_page_);
    return collection_ + "?limit=" + std::to_string(kPageSize) + more;
  }
  const auto time = std::chrono::floor<std::chrono::seconds>(scaled(kWatchTime, 1 + chance / 2));
  return collection_ +
         "?watch=1&allowWatchBookmarks=true&resourceVersion=" + percent_encoded(version_) +
         "&timeoutSeconds=" + std::to_string(time.count());
}

void WatchSteps::note_page(std::string_view resource_version, std::string_view next_page) {
  next_page_ = next_page;
  if (!next_page_.empty()) return;
  version_ = resource_version;
  watches_ = 0;
}

void WatchSteps::note_event(std::string_view resource_version) {
  has_told_ = true;
  version_ = resource_version;
}

void WatchSteps::list_anew() {
  version_.clear();
  next_page_.clear();
}

std::chrono::milliseconds WatchSteps::note_end(CallEnd end, double chance) {
  const bool has_told = std::exchange(has_told_, false);
  if (is_listing()) {
    if (end != CallEnd::kCut) list_anew();  // a page that was cut is asked for again
  } else if (++watches_ == kWatchesOfAList || !has_told || end == CallEnd::kRefused) {
    list_anew();
  }
  if (has_told && end != CallEnd::kRefused) delay_ = kFirstDelay;
  const auto delay = std::exchange(delay_, std::min(2 * delay_, kLongestDelay));
  return scaled(delay, 0.75 + chance / 2);
}

}  // namespace webhook
