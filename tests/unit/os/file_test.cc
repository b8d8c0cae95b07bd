#include "os/file.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "support/temporary_directory.h"

namespace webhook {

TEST_CASE("a file is read whole, whatever is in it") {
  const TemporaryDirectory directory;
  for (const std::string& bytes : {std::string(), std::string("a\0b\r\n", 5),
                                   std::string(4096, 'x'), std::string(100'000, 'y')}) {
    CAPTURE(bytes.size());
    const auto file = directory.write("file", bytes);
    CHECK(read_file(file) == bytes);
    CHECK(*try_read_file(file) == bytes);
  }
}

TEST_CASE("what cannot be read is named, with the reason") {
  const TemporaryDirectory directory;
  const std::string missing = (directory.path() / "missing").string();
  CHECK(try_read_file(missing).error().message ==
        missing + ": cannot be read: No such file or directory");
  const std::string folder = directory.path().string();
  CHECK(try_read_file(folder).error().message == folder + ": cannot be read: Is a directory");
  CHECK_THROWS_AS((void)read_file(folder), std::runtime_error);
}

}  // namespace webhook
