#include "http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace webhook {
namespace {

constexpr std::size_t kReadSize = std::size_t{16} << 10U;  // one TLS record
constexpr std::size_t kFreeBuffer = std::size_t{16}
                                    << 10U;  // does not count towards max_buffered_bytes
constexpr std::chrono::milliseconds kLingerTime{2'000};

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Connection::Connection(FileDescriptor socket, SslPtr ssl, const ConnectionContext& context,
                       std::atomic<std::size_t>& buffered)
    : socket_(std::move(socket)),
      ssl_(std::move(ssl)),
      context_(context),
      buffered_(buffered),
      phase_(ssl_ ? Phase::kHandshake : Phase::kRead) {
  expire_in(ssl_ ? context_.deadlines.handshake : context_.deadlines.idle);
  if (ssl_) {
    SSL_set_fd(ssl_.get(), socket_.get());
    SSL_set_accept_state(ssl_.get());
    SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_read_ahead(ssl_.get(), 1);  // a record's header and body in one system call
  }
}

Connection::~Connection() { buffered_ -= counted_; }

Connection::Wants Connection::advance() {
  for (;;) {
    if (const auto wants = step()) return *wants;
  }
}

std::optional<Connection::Wants> Connection::step() {
  switch (phase_) {
    case Phase::kHandshake: return step_handshake();
    case Phase::kRead: return step_read();
    case Phase::kWrite: return step_write();
    case Phase::kLinger: break;
  }
  return step_linger();
}

std::optional<Connection::Wants> Connection::step_handshake() {
  ERR_clear_error();
  switch (to_io(SSL_do_handshake(ssl_.get()))) {
    case Io::kWouldRead: return Wants::kRead;
    case Io::kWouldWrite: return Wants::kWrite;
    case Io::kEnd:
      end_our_side();  // the alert that says why should arrive
      return std::nullopt;
    case Io::kDone: break;
  }
  phase_ = Phase::kRead;
  // API servers open connections before they need them: a fresh one may stay idle.
  expire_in(context_.deadlines.idle);
  // The client's first request should not wait for a delayed acknowledgement of its Finished.
  const int on = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  return std::nullopt;
}

std::optional<Connection::Wants> Connection::step_read() {
  // First what is buffered: a pipelined request brings no event of its own.
  if (in_.size() >= needed_ && answer_what_is_there()) return std::nullopt;
  if (counted_ > 0 && buffered_ > context_.max_buffered_bytes) {
    send(context_.refuse({503, "too many large requests at once"}), true);
    return std::nullopt;
  }
  switch (read_some()) {
    case Io::kWouldRead: return Wants::kRead;
    case Io::kWouldWrite: return Wants::kWrite;
    case Io::kEnd: return Wants::kClose;
    case Io::kDone: break;
  }
  return std::nullopt;
}

/// True if that gave something to send. A head is read once when it is there, and once more with
/// its whole body, not with each piece of it.
bool Connection::answer_what_is_there() {
  const auto framing = frame_request(in_, context_.max_body_bytes);
  if (const auto* refusal = std::get_if<Refusal>(&framing)) {
    send(context_.refuse(*refusal), true);
    return true;
  }
  const auto* framed = std::get_if<Framed>(&framing);
  if (framed == nullptr) return false;
  const std::size_t size = framed->head + framed->body;
  const bool is_new = std::exchange(needed_, size) != size;
  if (is_new && framed->body > 0) {
    if (auto answer = context_.refuse_body(*framed)) {
      send(std::move(*answer), true);
      return true;
    }
  }
  if (in_.size() >= size) {
    take_request(*framed);
    return true;
  }
  if (framed->expects_continue && !std::exchange(said_continue_, true)) {
    send("HTTP/1.1 100 Continue\r\n\r\n", false);
    return true;
  }
  return false;
}

std::optional<Connection::Wants> Connection::step_write() {
  while (sent_ < out_.size()) {
    switch (write_some()) {
      case Io::kWouldRead: return Wants::kRead;
      case Io::kWouldWrite: return Wants::kWrite;
      case Io::kEnd: return Wants::kClose;
      case Io::kDone: break;
    }
  }
  out_ = {};  // an idle connection holds no buffer
  sent_ = 0;
  if (closes_after_write_) {
    if (ssl_) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
    }
    end_our_side();
    return std::nullopt;
  }
  phase_ = Phase::kRead;
  if (!in_.empty()) {
    deadline_ = arrived_ + context_.deadlines.request;
    // A pipelined request may be there already. It waits its turn behind the other connections: the
    // socket takes bytes, so that the event is due.
    return Wants::kWrite;
  }
  expire_in(context_.deadlines.idle);
  if (ssl_ && SSL_has_pending(ssl_.get()) == 1) return std::nullopt;
  return Wants::kRead;
}

/// A close while bytes of the peer are unread would reset the connection and take our last words
/// with it: this ends our side only, and what still comes is thrown away until the peer ends its
/// own.
void Connection::end_our_side() {
  ::shutdown(socket_.get(), SHUT_WR);
  phase_ = Phase::kLinger;
  expire_in(kLingerTime);
}

/// Once per event: a peer that sends without end gets no more than its turn.
Connection::Wants Connection::step_linger() {
  std::array<char, kReadSize> discarded;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const ssize_t length = ::recv(socket_.get(), discarded.data(), discarded.size(), 0);
  return length > 0 || (length < 0 && would_block(errno)) ? Wants::kRead : Wants::kClose;
}

void Connection::take_request(const Framed& framed) {
  const std::size_t size = framed.head + framed.body;
  RawAnswer answer =
      context_.respond({.head = framed,
                        .body = std::string_view(in_).substr(framed.head, framed.body),
                        .arrived = arrived_});
  is_used_ = true;
  said_continue_ = false;
  needed_ = 1;
  in_ = in_.substr(size);
  count_buffered();
  arrived_ = Clock::now();  // of a pipelined request
  send(std::move(answer.bytes), answer.closes);
}

void Connection::count_buffered() {
  const std::size_t now = in_.capacity() > kFreeBuffer ? in_.capacity() : 0;
  buffered_ += now - counted_;  // modulo 2^64: it may shrink
  counted_ = now;
}

void Connection::send(std::string bytes, bool then_close) {
  out_ = std::move(bytes);
  sent_ = 0;
  closes_after_write_ = then_close;
  phase_ = Phase::kWrite;
  expire_in(context_.deadlines.write);
}

Connection::Io Connection::to_io(int ssl_result) {
  if (ssl_result == 1) return Io::kDone;
  switch (SSL_get_error(ssl_.get(), ssl_result)) {
    case SSL_ERROR_WANT_READ: return Io::kWouldRead;
    case SSL_ERROR_WANT_WRITE: return Io::kWouldWrite;
    default: break;
  }
  ERR_clear_error();
  return Io::kEnd;
}

Connection::Io Connection::read_some() {
  std::array<char, kReadSize> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  std::size_t length = 0;
  if (ssl_) {
    ERR_clear_error();
    const Io io = to_io(SSL_read_ex(ssl_.get(), chunk.data(), chunk.size(), &length));
    if (io != Io::kDone) return io;
  } else {
    const ssize_t received = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (received < 0 && would_block(errno)) return Io::kWouldRead;
    if (received <= 0) return Io::kEnd;
    length = static_cast<std::size_t>(received);
  }
  if (in_.empty()) {
    arrived_ = Clock::now();
    deadline_ = arrived_ + context_.deadlines.request;
  }
  in_.append(chunk.data(), length);
  count_buffered();
  return Io::kDone;
}

Connection::Io Connection::write_some() {
  const char* next = out_.data() + sent_;
  const std::size_t left = out_.size() - sent_;
  std::size_t length = 0;
  if (ssl_) {
    ERR_clear_error();
    const Io io = to_io(SSL_write_ex(ssl_.get(), next, left, &length));
    if (io != Io::kDone) return io;
  } else {
    const ssize_t written = ::send(socket_.get(), next, left, MSG_NOSIGNAL);
    if (written < 0 && would_block(errno)) return Io::kWouldWrite;
    if (written < 0) return Io::kEnd;
    length = static_cast<std::size_t>(written);
  }
  sent_ += length;
  return Io::kDone;
}

bool Connection::is_idle(Clock::time_point now, std::chrono::milliseconds grace) const {
  if (phase_ != Phase::kRead || !in_.empty()) return false;
  if (!is_used_ && now < accepted_ + grace) return false;
  return !has_unread();
}

bool Connection::has_expired(Clock::time_point now) const {
  if (now < deadline_) return false;
  // What has just arrived on an idle connection is a request in time, and a worker is on its way.
  const bool is_waiting = phase_ == Phase::kRead && in_.empty();
  return !is_waiting || !has_unread();
}

bool Connection::keeps_us_waiting() const {
  return phase_ == Phase::kHandshake || (phase_ == Phase::kRead && !in_.empty());
}

bool Connection::has_unread() const {
  if (ssl_ && SSL_has_pending(ssl_.get()) == 1) return true;
  char byte = 0;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Connection::close() {
  if (is_closed()) return;
  if (ssl_ && phase_ != Phase::kHandshake) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ssl_.reset();
  socket_.reset();
}

}  // namespace webhook
