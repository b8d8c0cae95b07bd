#include "os/line_writer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <string>

#include "os/file_descriptor.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;

/// A pipe with room for 8 KiB.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read_end = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
    if (::fcntl(write_end.get(), F_SETPIPE_SZ, 8192) != 8192) throw std::runtime_error("size");
  }

  /// What is in it, at most `size` bytes.
  std::string read(std::size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t got = ::read(read_end.get(), bytes.data(), size);
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

  FileDescriptor read_end;
  FileDescriptor write_end;
};

TEST_CASE("lines are written as they are, also long ones") {
  const Pipe pipe;
  LineWriter writer(pipe.write_end.get(), 1h);
  const std::string line = std::string(8'000, 'a') + '\n';
  CHECK(writer.write(line));
  CHECK(pipe.read(10'000) == line);
  CHECK(writer.write("b\n"));
  CHECK(pipe.read(10'000) == "b\n");
}

TEST_CASE("a line that nobody takes is lost whole, and what comes when there is room is not") {
  const Pipe pipe;
  LineWriter writer(pipe.write_end.get(), 1ms);
  const std::string line = std::string(4'095, 'a') + '\n';
  CHECK(writer.write(line));
  CHECK(writer.write(line));
  CHECK_FALSE(writer.write("lost\n"));
  CHECK_FALSE(writer.write("lost\n"));
  CHECK(pipe.read(10'000) == line + line);
  CHECK(writer.write("b\n"));
  CHECK(pipe.read(10'000) == "b\n");
}

TEST_CASE("a line that is cut is ended before the next") {
  const Pipe pipe;
  LineWriter writer(pipe.write_end.get(), 1ms);
  CHECK_FALSE(writer.write(std::string(10'000, 'a') + '\n'));
  CHECK_FALSE(writer.write("lost\n"));
  CHECK(pipe.read(10'000) == std::string(8'192, 'a'));
  CHECK(writer.write("b\n"));
  CHECK(pipe.read(10'000) == "\nb\n");
}

TEST_CASE("who has gone takes nothing") {
  (void)std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  LineWriter writer(pipe.write_end.get(), 1h);
  pipe.read_end.reset();
  CHECK_FALSE(writer.write("a\n"));
}

}  // namespace
}  // namespace webhook
