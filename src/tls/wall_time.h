#pragma once

#include <chrono>
#include <cstdint>

namespace webhook {

/// The time so many seconds after 1970 began, from 1970 to 2200: certificates go to 9999, and what
/// system_clock counts in ends in 2262.
std::chrono::system_clock::time_point to_wall_time(std::int64_t seconds);

}  // namespace webhook
