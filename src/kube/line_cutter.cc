#include "kube/line_cutter.h"

#include <algorithm>
#include <utility>

namespace webhook {

LineCutter::LineCutter(std::size_t max_line_bytes, std::function<bool(std::string_view)> receive)
    : max_line_bytes_(max_line_bytes), receive_(std::move(receive)) {}

bool LineCutter::take(std::string_view bytes) {
  while (!bytes.empty() && !has_ended_) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (part.size() > max_line_bytes_ - begun_.size()) {
      is_too_long_ = has_ended_ = true;
      break;
    }
    begun_ += part;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    has_ended_ = !receive_(begun_);
    begun_.clear();
  }
  return !has_ended_;
}

void LineCutter::end() {
  if (!has_ended_ && !begun_.empty()) receive_(begun_);
  has_ended_ = true;
}

}  // namespace webhook
