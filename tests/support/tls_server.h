#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <thread>

#include "os/file_descriptor.h"
#include "support/test_certificate.h"
#include "tls/openssl.h"

namespace webhook::test {

/// The server's side of one TLS connection. Whatever fails reads as its end.
class TlsPeer {
 public:
  explicit TlsPeer(SSL& ssl) : ssl_(ssl) {}

  /// One request, up to the end of its body; empty once the client has closed.
  std::string read_request();

  void send(std::string_view bytes);

  /// TLS's goodbye: without it, an end may be an attacker's.
  void say_goodbye() { SSL_shutdown(&ssl_); }

 private:
  SSL& ssl_;
  std::string buffer_;
};

/// Listens on a free port of 127.0.0.1 with the certificate of `pair`. `serve` has a thread for
/// each connection, which ends when it returns; the end of the server ends them all.
class TlsServer {
 public:
  TlsServer(const Pair& pair, std::function<void(TlsPeer&)> serve);
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer();

  [[nodiscard]] const std::string& port() const { return port_; }

 private:
  void accept_all();
  void serve_one(int socket);

  SslCtxPtr context_;
  std::function<void(TlsPeer&)> serve_;
  FileDescriptor listener_;
  std::string port_;
  std::list<FileDescriptor> sockets_;  // of the accepting thread, until that has ended
  std::list<std::jthread> threads_;
  std::jthread accepting_;
};

}  // namespace webhook::test
