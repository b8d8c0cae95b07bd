#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace webhook {

enum class LogFormat { kJson, kText };

/// Points spdlog at stderr: one line per message, in UTC, no control character unescaped.
/// `level` is one of trace, debug, info, warning, error; throws std::invalid_argument otherwise.
void set_up_logging(std::string_view level, LogFormat format);

/// Lines that nobody took from standard error in time, and that are lost: the log holds up nothing.
std::uint64_t lost_log_lines();

/// Logs `message` at level info with fields: members of the JSON object, or key="value" behind the
/// text. A value that is a default std::string_view is left out.
void log_fields(std::string_view message,
                std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

/// "0.000123": what the log and Prometheus' conventions call a duration.
std::string to_seconds(std::chrono::nanoseconds time);

}  // namespace webhook
