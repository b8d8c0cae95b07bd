#include "scheduling/text_pool.h"

namespace webhook {

TextPool::Id TextPool::take(std::string_view text) {
  if (const auto found = ids_.find(text); found != ids_.end()) {
    ++entries_[found->second].uses;
    return found->second;
  }
  Id id = static_cast<Id>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  entries_[id] = {.text = std::string(text), .uses = 1};
  ids_.emplace(entries_[id].text, id);
  return id;
}

void TextPool::drop(Id id) {
  Entry& entry = entries_[id];
  if (--entry.uses > 0) return;
  ids_.erase(entry.text);
  entry.text = {};
  free_.push_back(id);
}

}  // namespace webhook
