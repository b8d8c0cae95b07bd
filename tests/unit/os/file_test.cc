#include "os/file.h"

#include <sys/stat.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <stdexcept>

#include "os/own_file.h"
#include "support/temporary_directory.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxBytes = std::size_t{100} << 10U;

std::string refusal(const fs::path& file) {
  const auto bytes = try_read_file(file, kMaxBytes);
  return bytes ? "read" : bytes.error().message;
}

TEST_CASE("a file is read whole, whatever is in it") {
  const TemporaryDirectory directory;
  for (const std::string& bytes : {std::string(), std::string("a\0b\r\n", 5),
                                   std::string(4096, 'x'), std::string(kMaxBytes, 'y')}) {
    CAPTURE(bytes.size());
    const auto file = directory.write("file", bytes);
    CHECK(read_file(file, kMaxBytes) == bytes);
    CHECK(*try_read_file(file, kMaxBytes) == bytes);
    CHECK(read_own_file(file, kMaxBytes) == bytes);
    CHECK(read_to_end(file) == bytes);
  }
}

TEST_CASE("a symbolic link is followed, as those of a mounted Secret are") {
  const TemporaryDirectory directory;
  (void)directory.write("..2026/tls.crt", "certificate");
  fs::create_symlink("..2026", directory.path() / "..data");
  fs::create_symlink("..data/tls.crt", directory.path() / "tls.crt");
  CHECK(read_file(directory.path() / "tls.crt", kMaxBytes) == "certificate");
}

TEST_CASE("what cannot be read is named, with the reason") {
  const TemporaryDirectory directory;
  const fs::path missing = directory.path() / "missing";
  const std::string message = missing.string() + ": cannot be read: No such file or directory";
  CHECK(refusal(missing) == message);
  CHECK_THROWS_WITH_AS((void)read_file(missing, kMaxBytes), message.c_str(), std::runtime_error);
  CHECK_THROWS_WITH_AS((void)read_to_end(missing), message.c_str(), std::runtime_error);
}

TEST_CASE("what could be waited for is refused, also behind a link") {
  const TemporaryDirectory directory;
  const fs::path fifo = directory.path() / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const fs::path link = directory.path() / "link";
  fs::create_symlink("fifo", link);
  CHECK(refusal(fifo) == fifo.string() + ": is a FIFO, not a regular file");
  CHECK(refusal(link) == link.string() + ": is a FIFO, not a regular file");
  CHECK(refusal(directory.path()) ==
        directory.path().string() + ": is a directory, not a regular file");
  CHECK(refusal("/dev/zero") == "/dev/zero: is a device, not a regular file");
}

TEST_CASE("what is larger than its kind ever is, or has no end, is refused") {
  const TemporaryDirectory directory;
  const auto file = directory.write("file", std::string(kMaxBytes + 1, 'x'));
  const std::string message = file.string() + ": is larger than 100 KiB";
  CHECK(refusal(file) == message);
  CHECK_THROWS_WITH_AS((void)read_own_file(file, kMaxBytes), message.c_str(), std::runtime_error);
  fs::resize_file(file, std::uintmax_t{1} << 40U);  // a hole
  CHECK(refusal(file) == message);
}

}  // namespace
}  // namespace webhook
