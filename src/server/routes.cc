#include "server/routes.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "http/answer.h"
#include "server/parser_pool.h"

namespace webhook {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// What the headroom is for: reviews of up to 64 KiB.
const std::size_t kSmallParser = parser_bytes(std::size_t{64} << 10U);

HttpAnswer answer_review(const AdmissionParts& parts, ParserPool& parsers,
                         const HttpRequest& request) {
  const auto deadline = parse_go_duration(request.timeout);
  if (deadline && SteadyClock::now() - request.arrived >= *deadline) {
    return to_error(503, "the caller's timeout has passed");
  }
  const auto cluster = parts.cluster();
  if (!cluster) return to_error(503, "the cluster's version is not known yet");

  MemoryShare parser_memory(*parts.memory, kSmallParser);
  while (!parser_memory.resize(parser_bytes(request.body.size()))) {
    if (request.free_memory()) continue;
    return to_error(503, "memory for large requests is short for now (expected another try)");
  }
  const auto began = SteadyClock::now();
  auto parser = parsers.lease();
  auto reviewed = review(*parser, request.body, *parts.sandbox(), *cluster);
  if (!reviewed) return to_error(400, reviewed.error().message);
  parts.on_reviewed(*reviewed, request, SteadyClock::now() - began);
  return {.body = std::move(reviewed->wire)};
}

/// As the health endpoints of Kubernetes' own servers print it.
HttpAnswer answer_ready(const std::vector<ReadyCheck>& checks, bool verbose) {
  bool is_ready = true;
  std::string lines;
  for (const auto& check : checks) {
    const std::string failure = check.failure();
    if (!failure.empty()) is_ready = false;
    if (failure.empty() && !verbose) continue;
    const std::string note = check.note && failure.empty() ? check.note() : "";
    lines += failure.empty() ? "[+]" + check.name + " ok" + (note.empty() ? "" : ": " + note)
                             : "[-]" + check.name + " failed: " + failure;
    lines += '\n';
  }
  if (is_ready && !verbose) lines = "ok";
  if (verbose || !is_ready) lines += is_ready ? "readyz check passed\n" : "readyz check failed\n";
  return {.status = is_ready ? 200 : 503, .body = lines, .content_type = "text/plain"};
}

}  // namespace

std::vector<Route> make_admission_routes(AdmissionParts parts) {
  return {{.method = "POST",
           .path = "/mutate",
           .handler =
               [parts = std::move(parts), parsers = std::make_shared<ParserPool>()](
                   const HttpRequest& request) { return answer_review(parts, *parsers, request); },
           .content_type = "application/json"}};
}

std::vector<Route> make_ops_routes(std::vector<ReadyCheck> checks,
                                   std::function<std::string()> metrics) {
  return {
      {"GET", "/livez",
       [](const HttpRequest&) { return HttpAnswer{.body = "ok", .content_type = "text/plain"}; }},
      {"GET", "/readyz",
       [checks = std::move(checks)](const HttpRequest& request) {
         return answer_ready(checks, request.verbose);
       }},
      {"GET", "/metrics",
       [metrics = std::move(metrics)](const HttpRequest&) {
         return HttpAnswer{.body = metrics(),
                           .content_type = "text/plain; version=0.0.4; charset=utf-8"};
       }},
  };
}

std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    if (text.find_first_of("0123456789.") != 0) return std::nullopt;  // from_chars knows "inf"
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::string_view unit = text.substr(0, text.find_first_of("0123456789."));
    text.remove_prefix(unit.size());
    if (unit == "h") {
      seconds += number * 3600;
    } else if (unit == "m") {
      seconds += number * 60;
    } else if (unit == "s") {
      seconds += number;
    } else if (unit == "ms") {
      seconds += number / 1e3;
    } else if (unit == "us" || unit == "\u00b5s") {
      seconds += number / 1e6;
    } else if (unit == "ns") {
      seconds += number / 1e9;
    } else {
      return std::nullopt;
    }
  }
  // An hour is longer than any caller waits; more would not fit.
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(seconds, 3600.0) * 1e9));
}

}  // namespace webhook
