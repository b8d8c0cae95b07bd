#include "http/listener.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <utility>

#include "base/text.h"
#include "http/query.h"
#include "http/trace_context.h"
#include "http/transport.h"

namespace webhook {
namespace {

/// Where nobody says how much: 64 MiB, and half as much for small requests.
constexpr std::size_t kOwnMemory = std::size_t{96} << 20U;
constexpr std::size_t kOwnHeadroom = std::size_t{32} << 20U;

constexpr std::string_view kPost = "POST";

/// "application/json; charset=utf-8" is of type "application/json".
bool is_of_type(std::string_view content_type, std::string_view type) {
  return equal_ignoring_case(trim(content_type.substr(0, content_type.find(';'))), type);
}

}  // namespace

class HttpListener::State {
 public:
  State(ListenerOptions options, std::vector<Route> routes)
      : routes_(std::move(routes)),
        memory_(options.memory ? options.memory
                               : std::make_shared<MemoryBudget>(kOwnMemory, kOwnHeadroom)),
        on_response_(std::move(options.on_response)),
        on_answered_(std::move(options.on_answered)),
        on_bug_(std::move(options.on_bug)),
        transport_(to_transport(options)) {}

  Transport& transport() { return transport_; }
  void begin_drain() { is_draining_ = true; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  TransportOptions to_transport(const ListenerOptions& options) {
    return {.address = options.address,
            .max_connections = options.max_connections,
            .eviction = {.newcomer = options.newcomer},
            .workers = options.workers,
            .tls = options.tls,
            .connection = {.deadlines = {.handshake = options.handshake_timeout,
                                         .request = options.request_timeout,
                                         .write = options.write_timeout,
                                         .idle = options.idle_timeout},
                           .max_body_bytes = options.max_body_bytes,
                           .memory = memory_.get(),
                           .refuse_body = [this](const Framed& head) { return refuse_body(head); },
                           .respond = [this](const RawRequest& raw) { return respond(raw); },
                           .refuse =
                               [this](const Refusal& refusal) {
                                 return finish(to_error(refusal.status, refusal.message),
                                               {.closes = true});
                               }},
            .observer = options.observer,
            .on_bug = on_bug_};
  }

  std::string finish(const HttpAnswer& answer, Sending how) const {
    if (on_response_) on_response_(answer.status);
    return to_bytes(answer, how);
  }

  RawAnswer respond(const RawRequest& raw) {
    ++in_flight_;
    const Route* route = find(raw.head);
    const auto refused = refuse_head(route, raw.head);
    const HttpAnswer answer = refused ? *refused : call(*route, raw);
    --in_flight_;
    if (on_answered_) on_answered_(Clock::now() - raw.arrived);
    const bool closes = !raw.head.keeps_alive || is_draining_;
    return {.bytes = finish(answer, {.closes = closes, .without_body = raw.head.method == "HEAD"}),
            .closes = closes,
            .proves = answer.status == 200};
  }

  /// Only POST takes a body, and only where there is a route for it and its type.
  std::optional<std::string> refuse_body(const Framed& head) const {
    const Route* route = find(head);
    const auto refused = refuse_head(route, head);
    if (!refused && route->method == kPost) return std::nullopt;
    const HttpAnswer answer = refused ? *refused : to_error(400, "body (expected none)");
    return finish(answer, {.closes = true, .without_body = head.method == "HEAD"});
  }

  [[nodiscard]] const Route* find(const Framed& head) const {
    const std::string_view method = head.method == "HEAD" ? "GET" : head.method;
    const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) {
      return route.path == head.path && route.method == method;
    });
    return found == routes_.end() ? nullptr : &*found;
  }

  /// What the head alone shows to be no use.
  [[nodiscard]] std::optional<HttpAnswer> refuse_head(const Route* route,
                                                      const Framed& head) const {
    if (route == nullptr) return refuse_route(head);
    const std::string& type = route->content_type;
    if (type.empty() || is_of_type(head.content_type, type)) return std::nullopt;
    return to_error(415, "Content-Type (expected " + type + ')');
  }

  HttpAnswer call(const Route& route, const RawRequest& raw) const {
    std::string what;
    try {
      return route.handler({.body = raw.body,
                            .timeout = query_value(raw.head.query, "timeout").value_or(""),
                            .verbose = query_value(raw.head.query, "verbose").has_value(),
                            .trace_id = to_trace_id(raw.head.traceparent),
                            .arrived = raw.arrived,
                            .free_memory = raw.free_memory});
    } catch (const std::exception& error) {
      what = std::string(": ") + error.what();
    } catch (...) {  // the answer is the same
    }
    // The path is one of ours, no caller's text.
    if (on_bug_) on_bug_("the handler of " + route.path + " failed" + what);
    return to_error(500, "internal error (the log of code-executor-webhook names it)");
  }

  /// 404, or 405 with what the path does take.
  [[nodiscard]] HttpAnswer refuse_route(const Framed& head) const {
    std::string allowed;
    std::string paths;
    for (const Route& route : routes_) {
      paths += (paths.empty() ? "" : ", ") + route.path;
      if (route.path != head.path) continue;
      allowed += (allowed.empty() ? "" : ", ") + route.method;
      if (route.method == "GET") allowed += ", HEAD";
    }
    if (allowed.empty()) return to_error(404, "no such path (expected " + paths + ')');
    HttpAnswer answer = to_error(405, "method not allowed (expected " + allowed + ')');
    answer.allow = allowed;
    return answer;
  }

  const std::vector<Route> routes_;
  const std::shared_ptr<MemoryBudget> memory_;
  const std::function<void(int)> on_response_;
  const std::function<void(std::chrono::duration<double>)> on_answered_;
  const std::function<void(std::string_view)> on_bug_;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<bool> is_draining_{false};
  Transport transport_;  // last: its threads end before the rest goes
};

HttpListener::HttpListener(ListenerOptions options, std::vector<Route> routes)
    : state_(std::make_unique<State>(std::move(options), std::move(routes))) {}
HttpListener::~HttpListener() = default;

std::string HttpListener::address() const { return state_->transport().address(); }
void HttpListener::start() { state_->transport().start(); }
void HttpListener::begin_drain() { state_->begin_drain(); }
bool HttpListener::drain(std::chrono::milliseconds timeout) {
  begin_drain();
  return state_->transport().drain(timeout);
}
std::size_t HttpListener::open_connections() const {
  return state_->transport().open_connections();
}
std::size_t HttpListener::in_flight() const { return state_->in_flight(); }

}  // namespace webhook
