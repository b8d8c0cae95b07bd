#include "support/tls_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace webhook::test {

std::string TlsPeer::read_request() {
  std::array<char, 16'384> bytes{};
  for (;;) {
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end != std::string::npos) {
      constexpr std::string_view kLength = "\r\nContent-Length: ";
      const std::size_t at = buffer_.substr(0, end + 2).find(kLength);
      const std::size_t body =
          at == std::string::npos ? 0 : std::stoul(buffer_.substr(at + kLength.size()));
      if (buffer_.size() >= end + 4 + body) {
        std::string request = buffer_.substr(0, end + 4 + body);
        buffer_.erase(0, request.size());
        return request;
      }
    }
    std::size_t size = 0;
    if (SSL_read_ex(&ssl_, bytes.data(), bytes.size(), &size) != 1) return {};
    buffer_.append(bytes.data(), size);
  }
}

void TlsPeer::send(std::string_view bytes) {
  std::size_t ignored = 0;
  SSL_write_ex(&ssl_, bytes.data(), bytes.size(), &ignored);
}

TlsServer::TlsServer(const Pair& pair, std::function<void(TlsPeer&)> serve)
    : context_(SSL_CTX_new(TLS_server_method())),
      serve_(std::move(serve)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP)) {
  SSL_CTX_use_certificate(context_.get(), pair.certificate.get());
  SSL_CTX_use_PrivateKey(context_.get(), pair.key.get());
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  auto* address = reinterpret_cast<sockaddr*>(&name);
  if (bind(listener_.get(), address, size) != 0 || listen(listener_.get(), 16) != 0 ||
      getsockname(listener_.get(), address, &size) != 0) {
    throw std::runtime_error("TLS server: cannot listen");
  }
  port_ = std::to_string(ntohs(name.sin_port));
  accepting_ = std::jthread([this] { accept_all(); });
}

TlsServer::~TlsServer() {
  shutdown(listener_.get(), SHUT_RDWR);
  accepting_.join();
  for (const FileDescriptor& each : sockets_) shutdown(each.get(), SHUT_RDWR);
}

void TlsServer::accept_all() {
  for (;;) {
    FileDescriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket.get() < 0) return;
    const int on = 1;  // what is sent in pieces would wait for the client's acknowledgements
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockets_.push_back(std::move(socket));
    threads_.emplace_back([this, fd = sockets_.back().get()] { serve_one(fd); });
  }
}

void TlsServer::serve_one(int socket) {
  // For this thread alone: a client that raised it would still end the test.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  const SslPtr ssl(SSL_new(context_.get()));
  SSL_set_fd(ssl.get(), socket);
  if (SSL_accept(ssl.get()) == 1) {
    TlsPeer peer(*ssl);
    serve_(peer);
  }
  shutdown(socket, SHUT_RDWR);
}

}  // namespace webhook::test
