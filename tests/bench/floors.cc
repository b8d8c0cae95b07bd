// What no review can be faster than: `floors transport|bare CERTIFICATE KEY REQUEST ANSWER`. Both
// answer each request, which is the one in file REQUEST, with the bytes of file ANSWER, head
// included. `transport` is ours, with its framing and its rules; `bare` is the least that epoll and
// OpenSSL need: it counts the bytes of a request and reads none. Prints its port; ends with
// standard input.

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/listener.h"
#include "tls/serving_certificate.h"

namespace {

std::string read_file(const char* name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) throw std::runtime_error(std::string("cannot read ") + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

void print_port(const std::string& port) { std::cout << port << std::endl; }

void run_transport(const webhook::ServingCertificate& pair, const std::string& answer) {
  const std::string body = answer.substr(answer.find("\r\n\r\n") + 4);
  webhook::HttpListener server(
      {.address = "127.0.0.1:0", .tls = [&pair] { return pair.context(); }},
      {{.method = "POST", .path = "/mutate", .handler = [&body](const webhook::HttpRequest&) {
          return webhook::HttpAnswer{.body = body};
        }}});
  server.start();
  print_port(server.address().substr(server.address().rfind(':') + 1));
  for (std::string line; std::getline(std::cin, line);) {
  }
}

class BareServer {
 public:
  BareServer(SSL_CTX* context, std::size_t request_size, const std::string& answer)
      : context_(context), request_size_(request_size), answer_(answer) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 1024) != 0 ||
        ::getsockname(listener_, generic, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    print_port(std::to_string(ntohs(address.sin_port)));
    watch(listener_);
    watch(STDIN_FILENO);
  }

  void run() {
    for (;;) {
      std::array<epoll_event, 64> events{};
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
        if (fd == STDIN_FILENO) return;
        if (fd == listener_) {
          accept();
        } else if (!serve(clients_.at(fd))) {
          clients_.erase(fd);
          ::close(fd);
        }
      }
    }
  }

 private:
  struct Client {
    std::unique_ptr<SSL, void (*)(SSL*)> ssl;
    std::size_t received = 0;
  };

  void watch(int fd) const {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Client client{.ssl = {SSL_new(context_), SSL_free}};
    SSL_set_fd(client.ssl.get(), fd);
    SSL_set_accept_state(client.ssl.get());
    SSL_set_read_ahead(client.ssl.get(), 1);
    clients_.emplace(fd, std::move(client));
    watch(fd);
  }

  /// False: it is gone. An answer that is not taken at once is one: clients of a benchmark read.
  bool serve(Client& client) {
    std::size_t done = 0;
    while (SSL_read_ex(client.ssl.get(), buffer_.data(), buffer_.size(), &done) == 1) {
      client.received += done;
      if (client.received < request_size_) continue;
      client.received = 0;
      if (SSL_write_ex(client.ssl.get(), answer_.data(), answer_.size(), &done) != 1) return false;
      if (SSL_has_pending(client.ssl.get()) == 0) return true;
    }
    return SSL_get_error(client.ssl.get(), 0) == SSL_ERROR_WANT_READ;
  }

  SSL_CTX* const context_;
  const std::size_t request_size_;
  const std::string& answer_;
  const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int epoll_ = ::epoll_create1(0);
  std::map<int, Client> clients_;
  std::array<char, 16 << 10> buffer_{};
};

void run(char** argv) {
  const webhook::ServingCertificate pair({.certificate = argv[2], .key = argv[3], .client_ca = {}},
                                         {});
  const std::string which = argv[1];
  const std::string answer = read_file(argv[5]);
  if (which == "transport") {
    run_transport(pair, answer);
  } else if (which == "bare") {
    BareServer(pair.context().get(), read_file(argv[4]).size(), answer).run();
  } else {
    throw std::runtime_error("'" + which + "' (expected transport or bare)");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "floors transport|bare CERTIFICATE KEY REQUEST ANSWER\n";
    return 2;
  }
  try {
    run(argv);
  } catch (const std::exception& error) {
    std::cerr << "floors: " << error.what() << '\n';
    return 1;
  }
}
