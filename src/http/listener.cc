#include "http/listener.h"

#include <httplib.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <charconv>
#include <cstring>
#include <exception>
#include <utility>

#include "base/status.h"
#include "http/transport.h"

namespace webhook {
namespace {

/// Of requests that are arriving, all connections together: nine of the largest. A quarter of what
/// the manifests let us use.
constexpr std::size_t kMaxBufferedBytes = std::size_t{64} << 20U;

/// One whole request in, one whole answer out. Without `override`: the set of virtual functions
/// differs between the releases of cpp-httplib that Debian 12 and 13 have.
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view request) : request_(request) {}

  std::string take_answer() { return std::move(answer_); }

  // NOLINTBEGIN(modernize-use-override,modernize-use-nodiscard,clang-diagnostic-suggest-override,clang-diagnostic-inconsistent-missing-override)
  bool is_readable() const { return !request_.empty(); }
  bool is_writable() const { return true; }
  bool wait_readable() const { return is_readable(); }
  bool wait_writable() const { return true; }
  ssize_t read(char* to, std::size_t size) {
    const std::size_t length = request_.copy(to, size);
    request_.remove_prefix(length);
    return static_cast<ssize_t>(length);
  }
  ssize_t write(const char* from, std::size_t size) {
    answer_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const {}
  void get_local_ip_and_port(std::string&, int&) const {}
  socket_t socket() const { return INVALID_SOCKET; }
  time_t duration() const { return 0; }
  // NOLINTEND(modernize-use-override,modernize-use-nodiscard,clang-diagnostic-suggest-override,clang-diagnostic-inconsistent-missing-override)

 private:
  std::string_view request_;
  std::string answer_;
};

/// httplib as parser, router and writer of answers. Its sockets and threads are not used.
class Router final : public httplib::Server {
 public:
  std::string answer(std::string_view request, bool close) {
    MemoryStream stream(request);
    bool closed = false;
    process(*this, stream, close, closed, 0);
    std::string answer = stream.take_answer();
    // The transport has said so already, if it had to.
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    if (answer.starts_with(kContinue)) answer.erase(0, kContinue.size());
    return answer;
  }

 private:
  // The signature changed in 0.18; the right one is the one that compiles.
  template <class Self>
  static auto process(Self& self, MemoryStream& stream, bool close, bool& closed, int)
      -> decltype(self.process_request(stream, close, closed, nullptr)) {
    return self.process_request(stream, close, closed, nullptr);
  }
  template <class Self>
  static auto process(Self& self, MemoryStream& stream, bool close, bool& closed, long)
      -> decltype(self.process_request(stream, "", 0, "", 0, close, closed, nullptr)) {
    return self.process_request(stream, "", 0, "", 0, close, closed, nullptr);
  }
};

int status_of(std::string_view answer) {
  constexpr std::size_t kStatusAt = std::string_view("HTTP/1.1 ").size();
  int status = 0;
  if (answer.size() > kStatusAt) {
    std::from_chars(answer.data() + kStatusAt, answer.data() + answer.size(), status);
  }
  return status;
}

void write(httplib::Response& to, const HttpAnswer& answer) {
  to.status = answer.status;
  if (answer.retry_after) to.set_header("Retry-After", "1");
  to.set_content(answer.body, answer.content_type);
}

void write_error(httplib::Response& to, int status, std::string_view message) {
  write(to, {.status = status, .body = to_status(status, message)});
}

/// The statuses of http_framing (RFC 9110, section 15).
std::string_view reason_phrase(int status) {
  switch (status) {
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Bad Request";
  }
}

/// For what is refused before httplib sees it.
std::string to_refusal(const Refusal& refusal) {
  const std::string body = to_status(refusal.status, refusal.message);
  return "HTTP/1.1 " + std::to_string(refusal.status) + ' ' +
         std::string(reason_phrase(refusal.status)) +
         (refusal.status == 503 ? "\r\nRetry-After: 1" : "") +
         "\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

class HttpListener::State {
 public:
  State(ListenerOptions options, std::vector<Route> routes)
      : routes_(std::move(routes)), on_response_(std::move(options.on_response)) {
    set_up_router(options);
    transport_ = std::make_unique<Transport>(to_transport(options));
  }

  Transport& transport() { return *transport_; }
  void begin_drain() { is_draining_ = true; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  void set_up_router(const ListenerOptions& options) {
    router_.set_payload_max_length(options.max_body_bytes);
    // What httplib announces in Keep-Alive; the transport keeps its word.
    router_.set_keep_alive_timeout(options.idle_timeout.count() / 1000);
    router_.set_keep_alive_max_count(1'000'000'000);
    for (const Route& route : routes_) {
      if (route.method == "POST") {
        // With a reader that is not used: the body is read where it lies.
        router_.Post(route.path,
                     [&route](const httplib::Request& http, httplib::Response& to,
                              const httplib::ContentReader&) { handle(route, http, to); });
      } else {
        router_.Get(route.path, [&route](const httplib::Request& http, httplib::Response& to) {
          handle(route, http, to);
        });
      }
    }
    router_.set_error_handler([this](const httplib::Request& http, httplib::Response& to) {
      if (to.body.empty()) refuse_route(http, to);
    });
    router_.set_exception_handler(
        [](const httplib::Request& http, httplib::Response& to, std::exception_ptr error) {
          // The path is one of ours: only handlers throw.
          try {
            std::rethrow_exception(std::move(error));
          } catch (const std::exception& exception) {
            spdlog::error("bug: the handler of {} failed: {}", http.path, exception.what());
          } catch (...) {
            spdlog::error("bug: the handler of {} failed", http.path);
          }
          write_error(to, 500, "internal error (the log of code-executor-webhook names it)");
        });
  }

  static void handle(const Route& route, const httplib::Request& http, httplib::Response& to) {
    HttpRequest request{.body = current().body,
                        .content_type = http.get_header_value("Content-Type"),
                        .timeout = http.get_param_value("timeout"),
                        .verbose = http.has_param("verbose"),
                        .arrived = current().arrived};
    write(to, route.handler(request));
  }

  /// 404, or 405 with what the path does take. Other statuses are httplib's own refusals.
  void refuse_route(const httplib::Request& http, httplib::Response& to) const {
    if (to.status != 404) return write_error(to, to.status, "request refused");
    std::string allowed;
    std::string paths;
    for (const Route& route : routes_) {
      paths += (paths.empty() ? "" : ", ") + route.path;
      if (route.path != http.path) continue;
      allowed += (allowed.empty() ? "" : ", ") + route.method;
      if (route.method == "GET") allowed += ", HEAD";
    }
    if (allowed.empty()) return write_error(to, 404, "no such path (expected " + paths + ')');
    to.set_header("Allow", allowed);
    write_error(to, 405, "method not allowed (expected " + allowed + ')');
  }

  TransportOptions to_transport(const ListenerOptions& options) {
    return {.address = options.address,
            .max_connections = options.max_connections,
            .workers = options.workers,
            .tls = options.tls,
            .connection = {.deadlines = {.handshake = options.handshake_timeout,
                                         .request = options.request_timeout,
                                         .write = options.write_timeout,
                                         .idle = options.idle_timeout},
                           .max_body_bytes = options.max_body_bytes,
                           .max_buffered_bytes = kMaxBufferedBytes,
                           .respond = [this](const RawRequest& raw) { return respond(raw); },
                           .refuse =
                               [this](const Refusal& refusal) {
                                 if (on_response_) on_response_(refusal.status);
                                 return to_refusal(refusal);
                               }}};
  }

  RawAnswer respond(const RawRequest& raw) {
    ++in_flight_;
    current() = raw;
    const bool closes = !raw.keeps_alive || is_draining_;
    RawAnswer answer{.bytes = router_.answer(raw.bytes, closes), .closes = closes};
    --in_flight_;
    if (on_response_) on_response_(status_of(answer.bytes));
    return answer;
  }

  /// httplib hands no context through to a handler, but runs it on the thread that calls it.
  static RawRequest& current() {
    thread_local RawRequest request;
    return request;
  }

  const std::vector<Route> routes_;
  const std::function<void(int)> on_response_;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<bool> is_draining_{false};
  Router router_;
  std::unique_ptr<Transport> transport_;  // last: its threads end before the rest goes
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
