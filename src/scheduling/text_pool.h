#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace webhook {

/// Texts that many have, each kept once for as long as somebody has it: the labels of nodes are
/// mostly alike.
class TextPool {
 public:
  using Id = std::uint32_t;

  /// The id of `text`, which is to be dropped as often as it was taken.
  Id take(std::string_view text);
  void drop(Id id);

  /// Valid until the text is dropped by all who took it.
  [[nodiscard]] std::string_view text(Id id) const { return entries_[id].text; }

  /// All ids are below this.
  [[nodiscard]] std::size_t limit() const { return entries_.size(); }

 private:
  struct Entry {
    std::string text;
    std::size_t uses = 0;
  };

  std::deque<Entry> entries_;  ///< Does not move its elements: `ids_` looks into them.
  std::unordered_map<std::string_view, Id> ids_;
  std::vector<Id> free_;
};

}  // namespace webhook
