#include "http/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace webhook {
namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

/// SSL_get_error() takes whatever is in the thread's queue for an error of the last step. To clear
/// an empty queue costs more than to look at it.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

/// Of the oldest error in OpenSSL's queue; none there: the connection ended.
HandshakeFailure to_handshake_failure(unsigned long error) {
  if (error == 0 || ERR_SYSTEM_ERROR(error)) return HandshakeFailure::kClient;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return HandshakeFailure::kClient;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH: return HandshakeFailure::kNotTls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_APPLICATION_PROTOCOL: return HandshakeFailure::kNothingInCommon;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return HandshakeFailure::kClientCertificate;
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: return HandshakeFailure::kServerCertificate;
    default: return HandshakeFailure::kOther;
  }
}

}  // namespace

Stream::Stream(FileDescriptor socket, SslPtr ssl)
    : socket_(std::move(socket)), ssl_(std::move(ssl)) {
  if (!ssl_) return;
  SSL_set_fd(ssl_.get(), socket_.get());
  SSL_set_accept_state(ssl_.get());
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_read_ahead(ssl_.get(), 1);  // a record's header and body in one system call
}

Stream::Io Stream::shake_hands() {
  forget_errors();
  const Io io = to_io(SSL_do_handshake(ssl_.get()));
  if (io != Io::kDone) return io;
  // The client's first request should not wait for a delayed acknowledgement of its Finished.
  const int on = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  return io;
}

Stream::Io Stream::to_io(int ssl_result) {
  if (ssl_result == 1) return Io::kDone;
  switch (SSL_get_error(ssl_.get(), ssl_result)) {
    case SSL_ERROR_WANT_READ: return Io::kWouldRead;
    case SSL_ERROR_WANT_WRITE: return Io::kWouldWrite;
    default: break;
  }
  if (SSL_is_init_finished(ssl_.get()) == 0) why_failed_ = to_handshake_failure(ERR_peek_error());
  forget_errors();
  return Io::kEnd;
}

Stream::Io Stream::read(char* to, std::size_t size, std::size_t& done) {
  if (ssl_) {
    forget_errors();
    return to_io(SSL_read_ex(ssl_.get(), to, size, &done));
  }
  const ssize_t received = ::recv(socket_.get(), to, size, 0);
  if (received < 0 && would_block(errno)) return Io::kWouldRead;
  if (received <= 0) return Io::kEnd;
  done = static_cast<std::size_t>(received);
  return Io::kDone;
}

Stream::Io Stream::write(const char* from, std::size_t size, std::size_t& done) {
  if (ssl_) {
    forget_errors();
    return to_io(SSL_write_ex(ssl_.get(), from, size, &done));
  }
  const ssize_t written = ::send(socket_.get(), from, size, MSG_NOSIGNAL);
  if (written < 0 && would_block(errno)) return Io::kWouldWrite;
  if (written < 0) return Io::kEnd;
  done = static_cast<std::size_t>(written);
  return Io::kDone;
}

void Stream::say_goodbye() {
  if (!ssl_) return;
  forget_errors();
  SSL_shutdown(ssl_.get());
  forget_errors();
}

void Stream::end_our_side(bool says_goodbye) {
  if (says_goodbye) say_goodbye();
  ::shutdown(socket_.get(), SHUT_WR);
}

bool Stream::discard() {
  // Once per event: who sends without end gets no more than a turn.
  std::array<char, std::size_t{16} << 10U>
      discarded;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const ssize_t length = ::recv(socket_.get(), discarded.data(), discarded.size(), 0);
  return length > 0 || (length < 0 && would_block(errno));
}

bool Stream::holds_part_of_record() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }

bool Stream::has_unread() const {
  char byte = 0;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Stream::close(bool says_goodbye) {
  if (says_goodbye) say_goodbye();
  ssl_.reset();
  socket_.reset();
}

}  // namespace webhook
