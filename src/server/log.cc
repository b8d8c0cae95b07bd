#include "server/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "os/line_writer.h"

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

/// Between a message and its fields, which are the members of a JSON object, in which control
/// characters are escaped: nothing that is logged can forge it.
constexpr char kFieldSeparator = '\x1e';

/// Of a number of thousandths or the like: "." and `digits` of them.
std::string to_fraction(std::int64_t number, int digits) {
  const std::string text = std::to_string(number);
  return '.' + std::string(static_cast<std::size_t>(digits) - text.size(), '0') + text;
}

std::string dump(const Json& value) {
  // ASCII only: a terminal may take U+009B, or DEL, for a command.
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// "2026-11-23T20:00:00"
std::string to_timestamp(std::chrono::sys_seconds time) {
  const std::time_t calendar = time.time_since_epoch().count();
  std::tm utc{};
  gmtime_r(&calendar, &utc);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc));
  return text;
}

std::string to_text(std::string_view message) {
  std::string line;
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  return line;
}

/// What follows the last separator, searched with the whole width of the processor.
std::string_view fields_of(std::string_view payload) {
  const void* found = ::memrchr(payload.data(), kFieldSeparator, payload.size());
  if (found == nullptr) return {};
  return payload.substr(static_cast<std::size_t>(static_cast<const char*>(found) - payload.data()) +
                        1);
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    const std::string_view fields = fields_of(payload);
    const std::string_view text =
        fields.empty() ? payload : payload.substr(0, payload.size() - fields.size() - 1);
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string_view name(level.data(), level.size());
    line_.clear();
    if (format_ == LogFormat::kJson) {
      line_.append("{\"time\":\"");
      append_time(message.time);
      line_.append("\",\"level\":\"").append(name).append("\",\"message\":");
      append_json_string(line_, text);
      if (!fields.empty()) line_.append(1, ',').append(fields);
      line_ += '}';
    } else {
      append_time(message.time);
      line_.append(1, ' ').append(name).append(1, ' ').append(to_text(text));
      const Json object = Json::parse('{' + std::string(fields) + '}', nullptr, false);
      for (const auto& [key, value] : object.items()) line_ += ' ' + key + '=' + dump(value);
    }
    line_ += '\n';
    to.append(line_.data(), line_.data() + line_.size());
  }

 private:
  /// "2026-11-23T20:00:00.123Z". Many lines are of the same second.
  void append_time(spdlog::log_clock::time_point time) {
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    if (std::exchange(second_, second) != second || second_text_.empty()) {
      second_text_ = to_timestamp(second);
    }
    const auto millis = std::chrono::floor<std::chrono::milliseconds>(time - second).count();
    line_.append(second_text_).append(to_fraction(millis, 3)).append(1, 'Z');
  }

  const LogFormat format_;
  // The sink calls one at a time.
  std::chrono::sys_seconds second_{};
  std::string second_text_;
  std::string line_;
};

/// How long a line waits for who reads the log: a full disk or a runtime that hangs must not hold
/// up reviews.
constexpr std::chrono::milliseconds kPatience{100};

std::atomic<std::uint64_t> lost_lines{0};

/// Standard error, line by line.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (unsaid_ > 0) {
      const std::string text = "log: nobody took " + std::to_string(unsaid_) + " lines";
      if (!write({message.time, {}, {}, spdlog::level::warn, text})) return lose();
      unsaid_ = 0;
    }
    if (!write(message)) lose();
  }
  void flush_() override {}

 private:
  bool write(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    return writer_.write({line.data(), line.size()});
  }
  void lose() {
    ++unsaid_;
    ++lost_lines;
  }

  LineWriter writer_{STDERR_FILENO, kPatience};
  std::uint64_t unsaid_ = 0;
};

}  // namespace

void set_up_logging(std::string_view level, LogFormat format) {
  const auto parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off) {
    throw std::invalid_argument("log level: '" + std::string(level) +
                                "' (expected trace, debug, info, warning or error)");
  }
  auto logger = std::make_shared<spdlog::logger>("", std::make_shared<StderrSink>());
  logger->set_level(parsed);
  logger->set_formatter(std::make_unique<LineFormatter>(format));
  spdlog::set_default_logger(std::move(logger));
}

std::uint64_t lost_log_lines() { return lost_lines; }

void log_fields(std::string_view message,
                std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  if (!spdlog::should_log(spdlog::level::info)) return;
  std::string line;
  line.reserve(512);
  line = message;
  char separator = kFieldSeparator;
  for (const auto& [key, value] : fields) {
    if (value.data() == nullptr) continue;
    line += std::exchange(separator, ',');
    line.append(1, '"').append(key).append("\":");  // a word of ours
    append_json_string(line, value);
  }
  spdlog::info(std::string_view(line));
}

std::string to_seconds(std::chrono::nanoseconds time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = std::chrono::floor<std::chrono::microseconds>(time - whole);
  return std::to_string(whole.count()) + to_fraction(micros.count(), 6);
}

}  // namespace webhook
