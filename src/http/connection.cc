#include "http/connection.h"

#include <algorithm>
#include <array>
#include <utility>

namespace webhook {
namespace {

using Io = Stream::Io;

constexpr std::chrono::milliseconds kLingerTime{2'000};

/// Beyond what counts for each connection anyway.
std::size_t excess(std::size_t bytes) { return bytes > kFreeBuffer ? bytes : 0; }

}  // namespace

Connection::Connection(Stream stream, const ConnectionContext& context)
    : stream_(std::move(stream)),
      context_(context),
      memory_(*context.memory, kSmallShare),
      phase_(stream_.has_tls() ? Phase::kHandshake : Phase::kRead) {
  expire_in(stream_.has_tls() ? context_.deadlines.handshake : context_.deadlines.idle);
}

Connection::Wants Connection::advance(const std::function<bool()>& free_memory) {
  for (;;) {
    if (const auto wants = step(free_memory)) return *wants;
  }
}

std::optional<Connection::Wants> Connection::step(const std::function<bool()>& free_memory) {
  switch (phase_) {
    case Phase::kHandshake: return step_handshake();
    case Phase::kRead: return step_read(free_memory);
    case Phase::kWrite: return step_write();
    case Phase::kLinger: break;
  }
  return stream_.discard() ? Wants::kRead : Wants::kClose;
}

Connection::Wants Connection::end(CloseCause cause) {
  cause_ = cause;
  return Wants::kClose;
}

std::optional<Connection::Wants> Connection::step_handshake() {
  switch (stream_.shake_hands()) {
    case Io::kWouldRead: return Wants::kRead;
    case Io::kWouldWrite: return Wants::kWrite;
    case Io::kEnd:
      linger(CloseCause::kHandshake, false);  // the alert that says why should arrive
      return std::nullopt;
    case Io::kDone: break;
  }
  // API servers open connections before they need them: a fresh one may stay idle.
  become_idle();
  (void)count_memory();  // it shrinks
  return std::nullopt;
}

std::optional<Connection::Wants> Connection::step_read(const std::function<bool()>& free_memory) {
  // First what is buffered: a pipelined request brings no event of its own.
  if (in_.size() >= needed_ && answer_what_is_there(free_memory)) return std::nullopt;
  switch (read_some()) {
    case Io::kWouldRead: return Wants::kRead;
    case Io::kWouldWrite: return Wants::kWrite;
    case Io::kEnd: return end(CloseCause::kClient);
    case Io::kDone: break;
  }
  return std::nullopt;
}

/// True if that gave something to send. A head is read once when it is there, and once more with
/// its whole body, not with each piece of it.
bool Connection::answer_what_is_there(const std::function<bool()>& free_memory) {
  const auto framing = frame_request(in_, context_.max_body_bytes);
  if (const auto* refusal = std::get_if<Refusal>(&framing)) {
    refuse(*refusal);
    return true;
  }
  const auto* framed = std::get_if<Framed>(&framing);
  if (framed == nullptr) return false;
  const std::size_t size = framed->head + framed->body;
  const bool is_new = std::exchange(needed_, size) != size;
  if (is_new && framed->body > 0) {
    if (auto answer = context_.refuse_body(*framed)) {
      cause_ = CloseCause::kRefused;
      send(std::move(*answer), true);
      return true;
    }
  }
  if (in_.size() >= size) {
    take_request(*framed, free_memory);
    return true;
  }
  if (is_new && !make_space(size, free_memory)) {
    refuse({503, "memory for large requests is short for now (expected another try)"});
    return true;
  }
  if (framed->expects_continue && !std::exchange(said_continue_, true)) {
    send("HTTP/1.1 100 Continue\r\n\r\n", false);
    return true;
  }
  return false;
}

/// At once for the whole request, so that it is refused before it is sent rather than half-way, and
/// never copied as it grows.
bool Connection::make_space(std::size_t size, const std::function<bool()>& free_memory) {
  if (size <= kFreeBuffer) return true;
  while (!memory_.resize(kConnectionBytes + size + excess(out_.size()))) {
    if (!free_memory()) return false;
  }
  in_.reserve(size);
  return true;
}

std::optional<Connection::Wants> Connection::step_write() {
  const bool is_sent = out_.empty();
  while (sent_ < out_.size()) {
    std::size_t done = 0;
    switch (stream_.write(out_.data() + sent_, out_.size() - sent_, done)) {
      case Io::kWouldRead: return Wants::kRead;
      case Io::kWouldWrite: return Wants::kWrite;
      case Io::kEnd: return end(CloseCause::kClient);
      case Io::kDone: break;
    }
    sent_ += done;
  }
  std::string().swap(out_);  // an idle connection holds no buffer; an assignment would keep it
  sent_ = 0;
  (void)count_memory();  // it shrinks
  if (closes_after_write_) {
    linger(cause_, true);
    return std::nullopt;
  }
  if (!in_.empty()) {
    // A pipelined request may be there already. It waits its turn behind the other connections, and
    // until the socket takes bytes: for who does not read, that is a part of reading the answer.
    if (!is_sent) return Wants::kWrite;
    phase_ = Phase::kRead;
    deadline_ = arrived_ + context_.deadlines.request;
    return std::nullopt;
  }
  become_idle();
  // A record may have brought more than the request; of what else comes there is an event.
  if (stream_.holds_part_of_record()) return std::nullopt;
  return Wants::kRead;
}

void Connection::linger(CloseCause cause, bool says_goodbye) {
  cause_ = cause;
  stream_.end_our_side(says_goodbye);
  std::string().swap(in_);
  (void)count_memory();
  phase_ = Phase::kLinger;
  expire_in(kLingerTime);
}

void Connection::take_request(const Framed& framed, const std::function<bool()>& free_memory) {
  const std::size_t size = framed.head + framed.body;
  RawAnswer answer =
      context_.respond({.head = framed,
                        .body = std::string_view(in_).substr(framed.head, framed.body),
                        .arrived = arrived_,
                        .free_memory = free_memory});
  is_used_ = true;
  is_proven_ = is_proven_ || answer.proves;
  said_continue_ = false;
  needed_ = 1;
  std::string(in_.substr(size)).swap(in_);  // an assignment would keep the larger buffer
  has_begun_ = !in_.empty();
  arrived_ = Clock::now();  // of a pipelined request
  cause_ = CloseCause::kAnswered;
  send(std::move(answer.bytes), answer.closes);
  while (!count_memory()) {
    if (free_memory()) continue;
    std::string().swap(out_);
    return refuse({503, "memory for large answers is short for now (expected another try)"});
  }
}

bool Connection::count_memory() {
  // A buffer that was made for a body that is not there yet counts whole.
  return memory_.resize(kConnectionBytes + excess(in_.capacity()) + excess(out_.size()));
}

void Connection::refuse(const Refusal& refusal) {
  cause_ = CloseCause::kRefused;
  send(context_.refuse(refusal), true);
}

void Connection::send(std::string bytes, bool then_close) {
  out_ = std::move(bytes);
  sent_ = 0;
  closes_after_write_ = then_close;
  phase_ = Phase::kWrite;
  expire_in(context_.deadlines.write);
}

void Connection::become_idle() {
  phase_ = Phase::kRead;
  has_begun_ = false;
  idle_since_ = Clock::now();
  deadline_ = idle_since_ + context_.deadlines.idle;
}

void Connection::begin_request() {
  if (std::exchange(has_begun_, true)) return;
  arrived_ = Clock::now();
  deadline_ = arrived_ + context_.deadlines.request;
}

Stream::Io Connection::read_some() {
  std::array<char, kFreeBuffer> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  const auto read = [&] {
    // No more than a head or a whole request, so that the buffer never grows beyond what counts.
    const std::size_t room = std::max(needed_, kFreeBuffer) - in_.size();
    std::size_t done = 0;
    const Io io = stream_.read(chunk.data(), std::min(room, chunk.size()), done);
    if (io != Io::kDone) return io;
    in_.reserve(kFreeBuffer);  // once, rather than with each record
    in_.append(chunk.data(), done);
    return io;
  };
  const Io io = read();
  if (io == Io::kDone) {
    begin_request();
    // API servers send a record for each 4 KB: a request of two is looked at once.
    while (in_.size() < kFreeBuffer && stream_.holds_part_of_record() && read() == Io::kDone) {
    }
  } else if (io == Io::kWouldRead && in_.empty()) {
    if (stream_.holds_part_of_record()) {
      begin_request();
    } else if (std::exchange(has_begun_, false)) {  // it was no request: a change of keys
      deadline_ = idle_since_ + context_.deadlines.idle;
    }
  }
  return io;
}

bool Connection::may_be_drained(Clock::time_point now, Clock::time_point drain_began,
                                std::chrono::milliseconds grace) const {
  if (is_unfinished() && now < drain_began + grace) return false;
  if (!is_used_ && now < accepted_ + grace) return false;
  // Who does not read what we answered is not waited for, whatever it sends meanwhile.
  return phase_ == Phase::kWrite || phase_ == Phase::kLinger || !has_unread();
}

bool Connection::has_expired(Clock::time_point now) const {
  if (now < deadline_) return false;
  // What has just arrived on an idle connection is a request in time, and a worker is on its way;
  // it begins the request's own deadline.
  return is_unfinished() || !has_unread();
}

CloseCause Connection::expiry_cause() const {
  switch (phase_) {
    case Phase::kHandshake: return CloseCause::kHandshake;
    case Phase::kRead: return has_begun_ ? CloseCause::kRequestTimeout : CloseCause::kIdleTimeout;
    case Phase::kWrite: return CloseCause::kWriteTimeout;
    case Phase::kLinger: break;
  }
  return cause_;
}

void Connection::close() {
  if (is_closed()) return;
  stream_.close(phase_ != Phase::kHandshake && phase_ != Phase::kLinger);
  // At once: who asked for the room must find it, whoever else still knows this connection.
  std::string().swap(in_);
  std::string().swap(out_);
  (void)memory_.resize(0);
}

}  // namespace webhook
