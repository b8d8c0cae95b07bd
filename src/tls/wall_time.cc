#include "tls/wall_time.h"

#include <algorithm>

namespace webhook {

std::chrono::system_clock::time_point to_wall_time(std::int64_t seconds) {
  using namespace std::chrono;
  constexpr sys_seconds kLast = sys_days(2200y / January / 1d);
  return sys_seconds(
      std::clamp(std::chrono::seconds(seconds), std::chrono::seconds(0), kLast.time_since_epoch()));
}

}  // namespace webhook
