#include "os/own_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "base/value_or_throw.h"
#include "os/file.h"
#include "os/file_descriptor.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& why) {
  throw std::runtime_error(path.string() + ": " + why);
}

[[noreturn]] void fail_to_read(const fs::path& path, int error) {
  fail(path, "cannot be read: " + std::generic_category().message(error));
}

/// Of what is open, not of a name: that may stand for something else by then.
void expect_own(const FileDescriptor& fd, const fs::path& path, mode_t type) {
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) fail_to_read(path, errno);
  if ((status.st_mode & S_IFMT) != type) fail(path, "not a regular file (expected one)");
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    fail(path, "belongs to user " + std::to_string(status.st_uid) + " (expected this user, " +
                   std::to_string(geteuid()) + ", or root)");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    fail(path, "others may write to it (expected chmod go-w, if nobody has)");
  }
}

}  // namespace

std::string read_own_file(const fs::path& file, std::size_t max_bytes) {
  const fs::path directory = file.has_parent_path() ? file.parent_path() : ".";
  const FileDescriptor parent(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0) fail_to_read(directory, errno);
  expect_own(parent, directory, S_IFDIR);
  // O_NONBLOCK: a FIFO must not be waited for.
  const FileDescriptor fd(
      openat(parent.get(), file.filename().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd.get() < 0) fail_to_read(file, errno);
  expect_own(fd, file, S_IFREG);
  return value_or_throw(read_open_file(fd, file, max_bytes));
}

}  // namespace webhook
