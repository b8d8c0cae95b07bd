#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace webhook {

/// Cuts a stream of bytes into lines, each handed to `receive` without its '\n' once it is whole.
class LineCutter {
 public:
  /// `receive` returns false to end the stream.
  LineCutter(std::size_t max_line_bytes, std::function<bool(std::string_view)> receive);

  /// False where the stream is to end: `receive` has said so, or a line is too long.
  bool take(std::string_view bytes);

  /// The stream has ended: hands on a last line without '\n'.
  void end();

  [[nodiscard]] bool is_too_long() const { return is_too_long_; }

 private:
  std::size_t max_line_bytes_;
  std::function<bool(std::string_view)> receive_;
  std::string begun_;
  bool has_ended_ = false;
  bool is_too_long_ = false;
};

}  // namespace webhook
