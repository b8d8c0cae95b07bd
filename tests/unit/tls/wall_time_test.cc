#include "tls/wall_time.h"

#include <doctest/doctest.h>

#include <limits>

namespace webhook {
namespace {

TEST_CASE("a wall time is of 1970 to 2200, whatever a certificate says") {
  struct Row {
    std::int64_t seconds;
    std::int64_t want;
  };
  for (const Row& row : {
           Row{0, 0},
           Row{1'764'000'000, 1'764'000'000},
           Row{7'258'118'400, 7'258'118'400},
           Row{7'258'118'401, 7'258'118'400},
           Row{253'402'300'799, 7'258'118'400},  // 9999-12-31: no expiry, by RFC 5280
           Row{std::numeric_limits<std::int64_t>::max(), 7'258'118'400},
           Row{-1, 0},
           Row{std::numeric_limits<std::int64_t>::min(), 0},
       }) {
    CAPTURE(row.seconds);
    CHECK(std::chrono::floor<std::chrono::seconds>(to_wall_time(row.seconds).time_since_epoch())
              .count() == row.want);
  }
}

}  // namespace
}  // namespace webhook
