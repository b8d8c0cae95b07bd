#pragma once

#include <cstddef>

#include "http/causes.h"
#include "os/file_descriptor.h"
#include "tls/openssl.h"

namespace webhook {

/// A connected socket, with TLS or without. Never blocks.
class Stream {
 public:
  enum class Io { kDone, kWouldRead, kWouldWrite, kEnd };

  /// `ssl` is null for plain TCP.
  Stream(FileDescriptor socket, SslPtr ssl);

  [[nodiscard]] bool has_tls() const { return ssl_ != nullptr; }
  [[nodiscard]] int fd() const { return socket_.get(); }

  /// kEnd: it failed, for why_handshake_failed().
  Io shake_hands();
  [[nodiscard]] HandshakeFailure why_handshake_failed() const { return why_failed_; }

  /// At most `size` bytes; how many stands in `done`.
  Io read(char* to, std::size_t size, std::size_t& done);
  Io write(const char* from, std::size_t size, std::size_t& done);

  /// Ends our side, so that the other side reads what we sent. A close while its own bytes are
  /// unread would reset the connection, and take our last words with it.
  void end_our_side(bool says_goodbye);

  /// Throws away what has come. False: the other side has ended too.
  bool discard();

  /// A part of a TLS record is there, and has to wait for the rest.
  [[nodiscard]] bool holds_part_of_record() const;

  /// The kernel has bytes of the other side, which nobody has looked at yet.
  [[nodiscard]] bool has_unread() const;

  void close(bool says_goodbye);

 private:
  Io to_io(int ssl_result);
  void say_goodbye();

  FileDescriptor socket_;
  SslPtr ssl_;
  HandshakeFailure why_failed_ = HandshakeFailure::kOther;
};

}  // namespace webhook
