#include "base/path.h"

#include <doctest/doctest.h>

namespace webhook {
namespace {

TEST_CASE("a path is below a directory by whole names") {
  struct Row {
    const char* path;
    const char* directory;
    bool want;
  };
  for (const Row& row : {
           Row{"/dev", "/dev", true},
           Row{"/dev/shm", "/dev", true},
           Row{"/device", "/dev", false},
           Row{"/", "/dev", false},
           Row{"", "/dev", false},
           Row{"/dev", "/dev/shm", false},
           Row{"/dev", "", true},
           Row{"", "", true},
       }) {
    CAPTURE(row.path);
    CAPTURE(row.directory);
    CHECK(is_at_or_below(row.path, row.directory) == row.want);
  }
}

}  // namespace
}  // namespace webhook
