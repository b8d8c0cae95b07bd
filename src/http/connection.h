#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/causes.h"
#include "http/framing.h"
#include "http/memory_budget.h"
#include "http/stream.h"

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
  /// To be asked where memory is short; true: another connection gave way.
  const std::function<bool()>& free_memory;
};

/// The bytes that answer it.
struct RawAnswer {
  std::string bytes;
  bool closes = false;  ///< They say `Connection: close`.
  bool proves = false;  ///< The client is of those whom we are here for.
};

/// What a connection needs of the server it belongs to; all of it outlives the connection.
struct ConnectionContext {
  Deadlines deadlines;
  std::size_t max_body_bytes = 0;
  MemoryBudget* memory = nullptr;
  /// Asked before a body is read: the bytes that answer a request whose body is not wanted. The
  /// connection closes after them.
  std::function<std::optional<std::string>(const Framed&)> refuse_body;
  std::function<RawAnswer(const RawRequest&)> respond;
  /// The bytes that answer what is no request; the connection closes after them.
  std::function<std::string(const Refusal&)> refuse;
};

/// What a connection counts in the budget while it is open: its share of OpenSSL, and 16 KiB each
/// of a request and of an answer. Larger ones count in addition.
inline constexpr std::size_t kConnectionBytes = std::size_t{56} << 10U;
/// What it counts until its handshake is done: OpenSSL sets aside what the first message claims to
/// need, up to 128 KiB, before any of it is there (measured: 176 KiB a connection).
inline constexpr std::size_t kHandshakeBytes = std::size_t{224} << 10U;
/// Of these 64 KiB more are no large share yet: most reviews are smaller.
inline constexpr std::size_t kSmallShare = kHandshakeBytes + (std::size_t{64} << 10U);
inline constexpr std::size_t kFreeBuffer = std::size_t{16} << 10U;

/// One accepted socket: TLS handshake, strict framing, answer, the next request. Never blocks: each
/// call of advance() does what can be done now. The caller serialises all calls.
class Connection {
 public:
  /// What the connection waits for.
  enum class Wants { kRead, kWrite, kClose };

  Connection(Stream stream, const ConnectionContext& context);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Takes its part of the budget. False: there is not so much left.
  [[nodiscard]] bool take_memory() {
    return memory_.resize(is_in_handshake() ? kHandshakeBytes : kConnectionBytes);
  }

  /// `free_memory` is asked when memory for a body is short; true: another connection gave way.
  Wants advance(const std::function<bool()>& free_memory);

  /// True when a drain that began at `drain_began` may close it: nobody waits for us. What the
  /// other side has begun, be it a handshake, a request or the reading of an answer, it has `grace`
  /// from then to end, however it spends that; so has a first request from when it connected.
  [[nodiscard]] bool may_be_drained(Clock::time_point now, Clock::time_point drain_began,
                                    std::chrono::milliseconds grace) const;
  [[nodiscard]] bool has_expired(Clock::time_point now) const;

  [[nodiscard]] bool is_in_handshake() const { return phase_ == Phase::kHandshake; }
  [[nodiscard]] bool is_proven() const { return is_proven_; }
  /// True while a handshake, a request or an answer has begun and is not all there.
  [[nodiscard]] bool is_unfinished() const { return phase_ != Phase::kRead || has_begun_; }
  [[nodiscard]] bool holds_body() const {
    return !is_in_handshake() && memory_.size() > kConnectionBytes;
  }
  [[nodiscard]] bool has_unread() const { return stream_.has_unread(); }
  [[nodiscard]] Clock::time_point accepted() const { return accepted_; }
  [[nodiscard]] Clock::time_point idle_since() const { return idle_since_; }

  /// Why advance() wants it closed.
  [[nodiscard]] CloseCause cause() const { return cause_; }
  /// Why it is closed when it has expired.
  [[nodiscard]] CloseCause expiry_cause() const;
  [[nodiscard]] HandshakeFailure why_handshake_failed() const {
    return stream_.why_handshake_failed();
  }

  /// Says goodbye, as far as the peer listens, and closes.
  void close();
  [[nodiscard]] bool is_closed() const { return stream_.fd() < 0; }
  [[nodiscard]] int fd() const { return stream_.fd(); }

 private:
  enum class Phase { kHandshake, kRead, kWrite, kLinger };

  /// One step of the current phase: what to wait for, or nothing to go on with the next phase.
  std::optional<Wants> step(const std::function<bool()>& free_memory);
  std::optional<Wants> step_handshake();
  std::optional<Wants> step_read(const std::function<bool()>& free_memory);
  std::optional<Wants> step_write();
  Wants end(CloseCause cause);
  void linger(CloseCause cause, bool says_goodbye);

  bool answer_what_is_there(const std::function<bool()>& free_memory);
  bool make_space(std::size_t size, const std::function<bool()>& free_memory);
  void take_request(const Framed& framed, const std::function<bool()>& free_memory);
  void send(std::string bytes, bool then_close);
  void refuse(const Refusal& refusal);
  void become_idle();
  void begin_request();
  [[nodiscard]] bool count_memory();
  void expire_in(std::chrono::milliseconds time) { deadline_ = Clock::now() + time; }
  Stream::Io read_some();

  Stream stream_;
  const ConnectionContext& context_;
  MemoryShare memory_;
  Phase phase_;
  Clock::time_point accepted_ = Clock::now();
  Clock::time_point idle_since_ = accepted_;
  Clock::time_point deadline_;
  Clock::time_point arrived_;  ///< Of the first byte of the request that has begun.
  bool has_begun_ = false;     ///< A request, be it with a part of a TLS record.
  std::string in_;
  std::size_t needed_ = 1;  ///< Bytes of `in_` with which it is worth looking at them again.
  std::string out_;
  std::size_t sent_ = 0;
  bool is_used_ = false;
  bool is_proven_ = false;
  bool said_continue_ = false;
  bool closes_after_write_ = false;
  CloseCause cause_ = CloseCause::kClient;
};

}  // namespace webhook
