#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "http/answer.h"
#include "http/connection_table.h"

namespace webhook {

struct HttpRequest {
  std::string_view body;
  std::string timeout;   ///< Value of ?timeout=, which the API server appends; empty if none.
  bool verbose = false;  ///< ?verbose is there.
  std::string_view trace_id = {};  ///< Of `traceparent`, 32 hex digits; empty if none.
  std::chrono::steady_clock::time_point arrived;  ///< Of its first byte.
  /// To be asked where memory is short: true if another connection gave way.
  std::function<bool()> free_memory = [] { return false; };
};

using HttpHandler = std::function<HttpAnswer(const HttpRequest&)>;

/// A literal path, undecoded, whatever its query string. HEAD is answered where GET is.
struct Route {
  std::string method;
  std::string path;
  HttpHandler handler;
  /// The only one that is taken, whatever its case and parameters; empty: any, or none.
  std::string content_type = {};
};

struct ListenerOptions {
  std::string address;                     ///< "[::]:10250", "127.0.0.1:0"; port 0 picks one.
  std::size_t max_body_bytes = 7U << 20U;  ///< As controller-runtime accepts.
  std::size_t max_connections = 2000;      ///< Beyond which somebody gives way.
  Newcomer newcomer = Newcomer::kMayBeRefused;
  /// What requests, answers and connections are taken of; none: a budget of its own.
  std::shared_ptr<MemoryBudget> memory = {};
  int workers = 0;  ///< 0: as many as the CPU quota, at least 2.
  std::chrono::milliseconds handshake_timeout{5'000};
  std::chrono::milliseconds request_timeout{10'000};  ///< For a whole request to arrive.
  std::chrono::milliseconds write_timeout{5'000};
  /// Above the 90 s that API servers keep idle connections: they do not retry a POST that meets a
  /// closing one.
  std::chrono::milliseconds idle_timeout{150'000};
  std::function<std::shared_ptr<SSL_CTX>()> tls = {};  ///< Asked per connection; empty: plain HTTP.
  std::function<void(int status)> on_response = {};    ///< Every answer that leaves; may be empty.
  /// A whole request is answered, so long after its first byte; may be empty.
  std::function<void(std::chrono::duration<double> time)> on_answered = {};
  ConnectionObserver observer = {};
  /// Something threw: a handler, which is answered 500, or ourselves; may be empty.
  std::function<void(std::string_view what)> on_bug = {};
};

/// An HTTP/1.1 server on one address. Handlers run on its workers, at the same time.
class HttpListener {
 public:
  /// Binds. Throws std::runtime_error "listen ADDRESS: why".
  HttpListener(ListenerOptions options, std::vector<Route> routes);
  /// Stops at once; drain() first to be kind.
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  /// Where it listens, with the real port.
  [[nodiscard]] std::string address() const;

  void start();

  /// From now on every answer carries `Connection: close`; connections are still accepted.
  void begin_drain();

  /// Stops accepting, closes idle connections, lets requests in flight finish. False: some were cut
  /// off after `timeout`.
  bool drain(std::chrono::milliseconds timeout);

  [[nodiscard]] std::size_t open_connections() const;
  [[nodiscard]] std::size_t in_flight() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace webhook
