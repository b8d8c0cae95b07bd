#include "os/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "base/value_or_throw.h"

namespace webhook {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

Error cannot_read(const std::string& name) {
  return Error{name + ": cannot be read: " + std::generic_category().message(errno)};
}

const char* kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFIFO: return "a FIFO";
    case S_IFDIR: return "a directory";
    case S_IFCHR:
    case S_IFBLK: return "a device";
    default: return "a socket";
  }
}

std::optional<Error> expect_regular(int fd, const std::string& name) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return cannot_read(name);
  if (S_ISREG(status.st_mode)) return std::nullopt;
  return Error{name + ": is " + kind_of(status.st_mode) + ", not a regular file"};
}

/// Counts what arrives: a file may say that it has no bytes, as those of /proc, or grow.
Result<std::string> read_all(int fd, const std::string& name, std::size_t max_bytes) {
  std::string bytes;
  std::array<char, std::size_t{16} << 10U> chunk{};
  for (;;) {
    const ssize_t length = ::read(fd, chunk.data(), chunk.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return cannot_read(name);
    if (length == 0) return bytes;
    if (static_cast<std::size_t>(length) > max_bytes - bytes.size()) {
      return Error{name + ": is larger than " + std::to_string(max_bytes >> 10U) + " KiB"};
    }
    bytes.append(chunk.data(), static_cast<std::size_t>(length));
  }
}

}  // namespace

Result<std::string> read_open_file(const FileDescriptor& fd, const std::string& name,
                                   std::size_t max_bytes) {
  if (auto error = expect_regular(fd.get(), name)) return std::move(*error);
  return read_all(fd.get(), name, max_bytes);
}

Result<std::string> try_read_file(const std::string& file, std::size_t max_bytes) {
  // O_NONBLOCK: to open a FIFO would wait for who writes to it.
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) return cannot_read(file);
  return read_open_file(fd, file, max_bytes);
}

std::string read_file(const std::string& file, std::size_t max_bytes) {
  return value_or_throw(try_read_file(file, max_bytes));
}

std::string read_to_end(const std::string& file) {
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return value_or_throw(Result<std::string>(cannot_read(file)));
  return value_or_throw(read_all(fd.get(), file, kNoLimit));
}

std::string read_standard_input() {
  return value_or_throw(read_all(STDIN_FILENO, "standard input", kNoLimit));
}

}  // namespace webhook
