#pragma once

#include <chrono>
#include <string_view>

namespace webhook {

/// Writes lines to a descriptor that somebody else reads, such as standard error, and does not hang
/// on that reader: a line that finds no room within `patience` is lost, and so is each after it
/// that finds none at once. For one thread at a time.
class LineWriter {
 public:
  LineWriter(int fd, std::chrono::milliseconds patience) : fd_(fd), patience_(patience) {}

  /// `line` ends in a line feed. False: it is lost, or cut; a cut one is ended before the next.
  [[nodiscard]] bool write(std::string_view line);

 private:
  bool write_some(std::string_view& bytes);
  bool wait_for_room();

  const int fd_;
  const std::chrono::milliseconds patience_;
  bool is_stuck_ = false;  ///< There was no room the last time.
  bool is_cut_ = false;
};

}  // namespace webhook
