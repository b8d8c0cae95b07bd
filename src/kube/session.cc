#include "kube/session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tls/ip_address.h"

namespace webhook {
namespace {

/// Makes the handshake fail unless the certificate is for `name`. False: it cannot.
bool expect_name(SSL& ssl, const std::string& name) {
  X509_VERIFY_PARAM* param = SSL_get0_param(&ssl);
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool is_set = is_ip_address(name)
                          ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1
                          : X509_VERIFY_PARAM_set1_host(param, name.c_str(), 0) == 1;
  if (!is_set || is_ip_address(name)) return is_set;  // RFC 6066: an address is not sent
  // SSL_set_tlsext_host_name() without its C cast.
  std::string sent = name;
  SSL_ctrl(&ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sent.data());
  return true;
}

}  // namespace

Result<HttpResponse> KubeSession::send(const WireRequest& request, const CallLimits& limits,
                                       const BodyReceiver* receiver) {
  const bool is_first = ssl_ == nullptr;
  may_go_on_ = was_closed_before_ = false;
  socket_.begin(limits.deadline, limits.stop);
  if (is_first) {
    if (auto error = open()) return *error;
  }
  AnswerFraming framing(limits.max_body_bytes);
  const ByteChannel channel{.read = [this] { return read_some(); },
                            .write = [this](std::string_view bytes) { return write(bytes); }};
  auto response = exchange_http(channel, request, framing, receiver);
  may_go_on_ = response && framing.keeps_connection();
  was_closed_before_ = !is_first && !response && !framing.has_begun() && socket_.has_closed();
  return response;
}

std::optional<Error> KubeSession::open() {
  if (auto error = socket_.connect(access_.host, access_.port)) return error;
  ssl_.reset(SSL_new(context_.get()));
  if (!ssl_) return Error{"TLS: " + take_openssl_error()};
  BIO* bio = socket_.make_bio().release();
  SSL_set_bio(ssl_.get(), bio, bio);  // takes ownership
  SSL_set_read_ahead(ssl_.get(), 1);  // a record's header and body in one system call
  const std::string& name = access_.server_name.empty() ? access_.host : access_.server_name;
  // Without an expected name OpenSSL would accept every name.
  if (!expect_name(*ssl_, name)) {
    ssl_.reset();
    return Error{"server name: cannot expect '" + name + '\''};
  }
  ERR_clear_error();
  if (SSL_connect(ssl_.get()) != 1) return Error{failure()};
  return std::nullopt;
}

std::string KubeSession::failure() const {
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK && SSL_get_verify_mode(ssl_.get()) == SSL_VERIFY_PEER) {
    ERR_clear_error();
    return std::string("its certificate is refused: ") + X509_verify_cert_error_string(verified);
  }
  if (!socket_.failure().empty()) return socket_.failure();
  return "TLS: " + take_openssl_error();
}

Result<std::string_view> KubeSession::read_some() {
  std::size_t size = 0;
  ERR_clear_error();
  const int done = SSL_read_ex(ssl_.get(), buffer_.data(), buffer_.size(), &size);
  if (done != 1) {
    if (SSL_get_error(ssl_.get(), done) != SSL_ERROR_ZERO_RETURN) return Error{failure()};
    socket_.note_closed();
  }
  return std::string_view(buffer_).substr(0, size);
}

bool KubeSession::is_quiet() const {
  return socket_.is_quiet() && ssl_ && SSL_has_pending(ssl_.get()) == 0;
}

std::optional<Error> KubeSession::write(std::string_view bytes) {
  std::size_t written = 0;
  ERR_clear_error();
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) == 1) return std::nullopt;
  return Error{failure()};
}

}  // namespace webhook
