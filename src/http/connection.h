#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/framing.h"
#include "http/listen_socket.h"
#include "tls/openssl.h"

namespace webhook {

using Clock = std::chrono::steady_clock;

struct Deadlines {
  std::chrono::milliseconds handshake{5'000};
  std::chrono::milliseconds request{10'000};
  std::chrono::milliseconds write{5'000};
  std::chrono::milliseconds idle{150'000};
};

/// One whole, well-framed request.
struct RawRequest {
  const Framed& head;
  std::string_view body;
  Clock::time_point arrived;  ///< The first byte.
};

/// The bytes that answer it, and whether they say `Connection: close`.
struct RawAnswer {
  std::string bytes;
  bool closes = false;
};

/// What a connection needs of the server it belongs to; all of it outlives the connection.
struct ConnectionContext {
  Deadlines deadlines;
  std::size_t max_body_bytes = 0;
  /// For requests that are arriving, all connections together; those of up to 16 KiB are free.
  std::size_t max_buffered_bytes = 0;
  /// Asked before a body is read: the bytes that answer a request whose body is not wanted. The
  /// connection closes after them.
  std::function<std::optional<std::string>(const Framed&)> refuse_body;
  std::function<RawAnswer(const RawRequest&)> respond;
  /// The bytes that answer what is no request; the connection closes after them.
  std::function<std::string(const Refusal&)> refuse;
};

/// One accepted socket: TLS handshake, strict framing, answer, the next request. Never blocks: each
/// call of advance() does what can be done now. The caller serialises all calls.
class Connection {
 public:
  /// What the connection waits for.
  enum class Wants { kRead, kWrite, kClose };

  /// `ssl` is null for plain HTTP. `buffered` counts towards max_buffered_bytes.
  Connection(FileDescriptor socket, SslPtr ssl, const ConnectionContext& context,
             std::atomic<std::size_t>& buffered);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Wants advance();

  /// True when nothing is owed in either direction, so that it can be closed without loss.
  /// A connection that was never used is given `grace` for its first request to arrive.
  [[nodiscard]] bool is_idle(Clock::time_point now, std::chrono::milliseconds grace) const;
  [[nodiscard]] bool has_expired(Clock::time_point now) const;

  /// True while a handshake or a request has begun and is not yet all there.
  [[nodiscard]] bool keeps_us_waiting() const;
  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }

  /// Says goodbye, as far as the peer listens, and closes.
  void close();
  [[nodiscard]] bool is_closed() const { return socket_.get() < 0; }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  enum class Phase { kHandshake, kRead, kWrite, kLinger };
  enum class Io { kDone, kWouldRead, kWouldWrite, kEnd };

  /// One step of the current phase: what to wait for, or nothing to go on with the next phase.
  std::optional<Wants> step();
  std::optional<Wants> step_handshake();
  std::optional<Wants> step_read();
  std::optional<Wants> step_write();
  Wants step_linger();

  bool answer_what_is_there();
  void take_request(const Framed& framed);
  void send(std::string bytes, bool then_close);
  void end_our_side();
  void count_buffered();
  [[nodiscard]] bool has_unread() const;
  void expire_in(std::chrono::milliseconds time) { deadline_ = Clock::now() + time; }
  Io read_some();
  Io write_some();
  Io to_io(int ssl_result);

  FileDescriptor socket_;
  SslPtr ssl_;
  const ConnectionContext& context_;
  std::atomic<std::size_t>& buffered_;
  std::size_t counted_ = 0;  ///< Our share of buffered_.
  Phase phase_;
  Clock::time_point accepted_ = Clock::now();
  Clock::time_point deadline_;
  Clock::time_point arrived_;  ///< Of the first byte of the request in `in_`.
  std::string in_;
  std::size_t needed_ = 1;  ///< Bytes of `in_` with which it is worth looking at them again.
  std::string out_;
  std::size_t sent_ = 0;
  bool is_used_ = false;
  bool said_continue_ = false;
  bool closes_after_write_ = false;
};

}  // namespace webhook
