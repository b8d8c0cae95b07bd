#include "os/line_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace webhook {

bool LineWriter::write(std::string_view line) {
  std::string_view end = is_cut_ ? "\n" : "";
  while (!end.empty()) {
    if (!write_some(end)) return false;
    is_cut_ = false;
  }
  while (!line.empty()) {
    if (!write_some(line)) return false;
    is_cut_ = !line.empty();
  }
  return true;
}

/// Takes off what is written. False: nothing is.
bool LineWriter::write_some(std::string_view& bytes) {
  if (!wait_for_room()) return false;
  // Of no more than this many bytes a pipe that has room takes all (pipe(7)).
  const std::size_t size = std::min<std::size_t>(bytes.size(), PIPE_BUF);
  const ssize_t written = ::write(fd_, bytes.data(), size);
  if (written < 0) return errno == EINTR;
  bytes.remove_prefix(static_cast<std::size_t>(written));
  return true;
}

bool LineWriter::wait_for_room() {
  pollfd watched{.fd = fd_, .events = POLLOUT, .revents = 0};
  const int timeout = is_stuck_ ? 0 : static_cast<int>(patience_.count());
  int ready = ::poll(&watched, 1, timeout);
  while (ready < 0 && errno == EINTR) ready = ::poll(&watched, 1, timeout);
  is_stuck_ = ready <= 0;
  return !is_stuck_;
}

}  // namespace webhook
