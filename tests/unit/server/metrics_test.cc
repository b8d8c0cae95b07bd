#include "server/metrics.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

namespace webhook {
namespace {

TEST_CASE("of an API server's own text a label has printable ASCII, and not much") {
  struct Row {
    std::string git_version;
    std::string label;
  };
  for (const Row& row : {
           Row{"v1.34.1-gke.1829001", "v1.34.1-gke.1829001"},
           Row{"v1.34\x1b[31m\x7f\n", "v1.34?[31m??"},
           Row{"\xc2\x9b \xff", "?? ?"},
           Row{R"(a"b\c)", R"(a\"b\\c)"},
           Row{std::string(5'000, 'v'), std::string(64, 'v') + "..."},
       }) {
    CAPTURE(row.git_version);
    Gauges gauges;
    gauges.cluster_git_version = row.git_version;
    const std::string page = Metrics("1.2.3").to_text(gauges);
    CHECK(page.find("cluster_version_info{git_version=\"" + row.label + "\"} 1\n") !=
          std::string::npos);
    CHECK(std::all_of(page.begin(), page.end(),
                      [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  }
}

}  // namespace
}  // namespace webhook
