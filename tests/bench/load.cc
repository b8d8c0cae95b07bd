// The load of tests/bench/run: `load PORT CONNECTIONS SECONDS REQUEST ANSWER`. Sends the request in
// file REQUEST again and again over that many TLS connections, each one at a time as an API server
// does, and prints a JSON object of what it saw. An answer that is no 200 is an error; those whose
// body is another than that of the first are counted, and the first is written, head included, to
// file ANSWER. One thread, so that it fits on one core.

#include <openssl/ssl.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("load: " + what); }

std::string read_file(const char* name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) fail(std::string("cannot read ") + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t to_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) fail("not a number: " + std::string(text));
  return number;
}

/// What go's crypto/tls offers first, and no tickets.
SSL_CTX* make_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

/// As Go's net/http buffers what it sends: each piece is a TLS record, and a packet.
constexpr std::size_t kPiece = 4096;

/// What all connections share, and what they saw.
struct Load {
  const std::string request;
  std::string first_answer;
  std::string_view body = {};  ///< Of the first answer.
  std::size_t differing = 0;   ///< Answers with another body than the first.
  std::vector<std::uint32_t> micros = {};
  Clock::time_point end = {};
};

/// The size of the answer that `bytes` begins with; 0 while that is not known. Go sends longer
/// answers in chunks, whose last one ends what it has sent by then.
std::size_t answer_size(std::string_view bytes) {
  const std::size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  std::string names(bytes.substr(0, head));
  std::transform(names.begin(), names.end(), names.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (names.find("\r\ntransfer-encoding: chunked") != std::string::npos) {
    return bytes.ends_with("\r\n0\r\n\r\n") ? bytes.size() : 0;
  }
  constexpr std::string_view kLength = "\r\ncontent-length: ";
  const std::size_t length = names.find(kLength);
  if (length == std::string::npos) fail("an answer without Content-Length");
  return head + 4 + to_number(std::string_view(names).substr(length + kLength.size()));
}

class Connection {
 public:
  Connection(Load& load, SSL_CTX* context, std::uint16_t port)
      : load_(load), ssl_(SSL_new(context), SSL_free), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("cannot connect");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL_set_fd(ssl_.get(), fd_);
    std::string name = "localhost";
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    if (SSL_connect(ssl_.get()) != 1) fail("no TLS handshake");
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  void begin() {
    began_ = Clock::now();
    sent_ = 0;
    answer_.clear();
    size_ = 0;
    write();
  }

  /// To be called when the socket can be read or written. False: nothing more is to be sent.
  bool go_on() {
    if (sent_ < load_.request.size()) write();
    while (read()) {
      if (size_ == 0) size_ = answer_size(answer_);
      if (size_ == 0 || answer_.size() < size_) continue;
      take_answer();
      if (Clock::now() >= load_.end) return false;
      begin();
    }
    return true;
  }

 private:
  void write() {
    while (sent_ < load_.request.size()) {
      std::size_t done = 0;
      const auto rest = std::string_view(load_.request).substr(sent_, kPiece);
      if (SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &done) != 1) {
        if (SSL_get_error(ssl_.get(), 0) != SSL_ERROR_WANT_WRITE) fail("a write failed");
        return;
      }
      sent_ += done;
    }
  }

  bool read() {
    std::size_t done = 0;
    char chunk[16 << 10];
    if (SSL_read_ex(ssl_.get(), &chunk[0], sizeof chunk, &done) != 1) {
      if (SSL_get_error(ssl_.get(), 0) != SSL_ERROR_WANT_READ) fail("the server closed");
      return false;
    }
    answer_.append(&chunk[0], done);
    return true;
  }

  void take_answer() {
    using Micros = std::chrono::microseconds;
    load_.micros.push_back(static_cast<std::uint32_t>(
        std::chrono::duration_cast<Micros>(Clock::now() - began_).count()));
    if (!answer_.starts_with("HTTP/1.1 200 ")) fail(answer_.substr(0, 200));
    if (load_.first_answer.empty()) {
      load_.first_answer = answer_;
      load_.body = std::string_view(load_.first_answer).substr(load_.first_answer.find("\r\n\r\n"));
    }
    if (!std::string_view(answer_).ends_with(load_.body)) ++load_.differing;
  }

  Load& load_;
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  const int fd_;
  Clock::time_point began_;
  std::size_t sent_ = 0;
  std::string answer_;
  std::size_t size_ = 0;
};

/// Until its end; answers that are under way then are waited for.
void run(std::vector<std::unique_ptr<Connection>>& connections) {
  const int epoll = ::epoll_create1(0);
  for (const auto& connection : connections) {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = connection.get()}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd(), &event);
    connection->begin();
  }
  std::size_t left = connections.size();
  while (left > 0) {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll, &events[0], 64, 30'000);
    if (count == 0) fail("no answer in 30 s");
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (connection->go_on()) continue;
      ::epoll_ctl(epoll, EPOLL_CTL_DEL, connection->fd(), nullptr);
      --left;
    }
  }
  ::close(epoll);
}

void run_and_print(char** argv) {
  const auto port = static_cast<std::uint16_t>(to_number(argv[1]));
  const std::chrono::duration<double> time(std::atof(argv[3]));
  Load load{.request = read_file(argv[4]), .first_answer = {}};
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(make_context(), SSL_CTX_free);
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::size_t i = 0; i < to_number(argv[2]); ++i) {
    connections.push_back(std::make_unique<Connection>(load, context.get(), port));
  }
  // The caller reads the server's processor time between the two lines: without the handshakes.
  std::cout << "connected" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  const auto began = Clock::now();
  load.end = began + std::chrono::duration_cast<Clock::duration>(time);
  run(connections);
  const std::chrono::duration<double> took = Clock::now() - began;
  std::ofstream(argv[5], std::ios::binary) << load.first_answer;
  std::sort(load.micros.begin(), load.micros.end());
  const auto at = [&](std::size_t percent) {
    return load.micros[std::min(load.micros.size() * percent / 100, load.micros.size() - 1)];
  };
  std::cout << R"({"requests":)" << load.micros.size() << R"(,"seconds":)" << took.count()
            << R"(,"differing":)" << load.differing << R"(,"p50_us":)" << at(50) << R"(,"p99_us":)"
            << at(99) << "}" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "load PORT CONNECTIONS SECONDS REQUEST ANSWER\n";
    return 2;
  }
  try {
    run_and_print(argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
