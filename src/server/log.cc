#include "server/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;

/// Between a message and its fields, which are the members of a JSON object, in which control
/// characters are escaped: nothing that is logged can forge it.
constexpr char kFieldSeparator = '\x1e';

std::string dump(const Json& value) {
  // ASCII only: a terminal may take U+009B, or DEL, for a command.
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// `text` as a JSON string. Most text is plain, and only needs quotes.
std::string to_json_string(std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; };
  if (!std::all_of(text.begin(), text.end(), is_plain)) return dump(Json(text));
  std::string quoted;
  quoted.reserve(text.size() + 2);
  return quoted.append(1, '"').append(text).append(1, '"');
}

/// "2026-11-23T20:00:00.123Z"
std::string to_timestamp(spdlog::log_clock::time_point time) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch - seconds).count();
  const std::time_t calendar = seconds.count();
  std::tm utc{};
  gmtime_r(&calendar, &utc);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc));
  return text + fmt::format(".{:03}Z", millis);
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

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    const std::size_t cut = payload.rfind(kFieldSeparator);
    const std::string_view text = payload.substr(0, cut);
    const std::string_view fields =
        cut == std::string_view::npos ? std::string_view() : payload.substr(cut + 1);
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string_view name(level.data(), level.size());
    std::string line;
    if (format_ == LogFormat::kJson) {
      line.append("{\"time\":\"").append(to_timestamp(message.time)).append("\",\"level\":\"");
      line.append(name).append("\",\"message\":").append(to_json_string(text));
      if (!fields.empty()) line.append(1, ',').append(fields);
      line += '}';
    } else {
      line.append(to_timestamp(message.time)).append(1, ' ').append(name).append(1, ' ');
      line += to_text(text);
      const Json object = Json::parse('{' + std::string(fields) + '}', nullptr, false);
      for (const auto& [key, value] : object.items()) line += ' ' + key + '=' + dump(value);
    }
    line += '\n';
    to.append(line.data(), line.data() + line.size());
  }

 private:
  LogFormat format_;
};

}  // namespace

void set_up_logging(std::string_view level, LogFormat format) {
  const auto parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off) {
    throw std::invalid_argument("log level: '" + std::string(level) +
                                "' (expected trace, debug, info, warning or error)");
  }
  auto logger =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(parsed);
  logger->flush_on(spdlog::level::trace);
  logger->set_formatter(std::make_unique<LineFormatter>(format));
  spdlog::set_default_logger(std::move(logger));
}

void log_fields(std::string_view message,
                std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  if (!spdlog::should_log(spdlog::level::info)) return;
  std::string line(message);
  char separator = kFieldSeparator;
  for (const auto& [key, value] : fields) {
    if (value.data() == nullptr) continue;
    line.append(1, separator).append(to_json_string(key)).append(1, ':');
    line.append(to_json_string(value));
    separator = ',';
  }
  spdlog::info("{}", line);
}

}  // namespace webhook
