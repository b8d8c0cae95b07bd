// What a transport does with hostile or unlucky TLS clients, over loopback.
#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "support/test_certificate.h"
#include "tls/context.h"
#include "unit/http/echo_transport.h"
#include "unit/http/loopback_client.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::eventually;
using test::kPatience;
using test::post;

/// The beginning of a TLS record.
constexpr std::string_view kPartOfRecord{"\x17\x03\x03", 3};

/// A client hello, as OpenSSL sends it.
std::string hello() {
  const SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  const SslPtr ssl(SSL_new(context.get()));
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(out, &bytes);
  return {bytes, static_cast<std::size_t>(length)};
}

/// A blocking TLS client over a Client's socket.
class TlsClient {
 public:
  explicit TlsClient(const std::string& address, const std::function<void(SSL_CTX*)>& change = {})
      : tcp(address), context_(SSL_CTX_new(TLS_client_method())) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(tcp.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (change) change(context_.get());
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), tcp.fd());
    is_connected = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }

  void send(std::string_view bytes) const {
    REQUIRE(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
            static_cast<int>(bytes.size()));
  }

  /// The next `size` bytes, or fewer if the connection ends before.
  std::string receive(std::size_t size) const {
    std::string received(size, '\0');
    std::size_t done = 0;
    std::size_t length = 0;
    while (done < size && SSL_read_ex(ssl_.get(), &received[done], size - done, &length) == 1) {
      done += length;
    }
    ERR_clear_error();
    return received.substr(0, done);
  }

  Client tcp;
  bool is_connected = false;

 private:
  SslCtxPtr context_;
  SslPtr ssl_;
};

std::shared_ptr<SSL_CTX> make_context(const std::string& client_ca) {
  const test::Pair pair = test::make_pair();
  return make_tls_context({.certificates = {"tls.crt", pair.certificate_pem},
                           .key = {"tls.key", pair.key_pem},
                           .client_ca = {"ca.crt", client_ca}},
                          {})
      .value()
      .context;
}

/// A transport with TLS.
struct Secured : test::Served {
  explicit Secured(const Change& change = {}, const std::string& client_ca = "")
      : Secured(change, make_context(client_ca)) {}

  const std::shared_ptr<SSL_CTX> context;

 private:
  Secured(const Change& change, const std::shared_ptr<SSL_CTX>& made)
      : Served(
            [&](TransportOptions& options) {
              options.tls = [made] { return made; };
              if (change) change(options);
            },
            std::size_t{64} << 20U),
        context(made) {}
};

TEST_CASE("a part of a TLS record keeps no connection alive") {
  const Secured served(
      [](TransportOptions& options) { options.connection.deadlines.request = 50ms; });
  SUBCASE("from the start") {
    const TlsClient client(served.address());
    client.tcp.send(kPartOfRecord);
    CHECK(client.receive(1).empty());
    CHECK(eventually([&] { return served.causes.count("request_timeout") == 1; }));
  }
  SUBCASE("after a request") {
    const TlsClient client(served.address());
    client.send(post("a"));
    CHECK(client.receive(3) == "[a]");
    client.tcp.send(kPartOfRecord);
    CHECK(client.receive(1).empty());
    CHECK(eventually([&] { return served.causes.count("request_timeout") == 1; }));
  }
}

TEST_CASE("a part of a TLS record holds up no drain") {
  Secured served([](TransportOptions& options) {
    options.connection.deadlines = {.handshake = 1h, .request = 1h, .write = 1h, .idle = 1h};
    options.grace = 50ms;
  });
  const TlsClient client(served.address());
  client.send(post("a"));
  CHECK(client.receive(3) == "[a]");
  client.tcp.send(kPartOfRecord);
  const TlsClient unused(served.address());
  unused.tcp.send(kPartOfRecord);
  CHECK(served.transport.drain(kPatience));
}

TEST_CASE("a handshake that has gone silent holds up no drain") {
  Secured served([](TransportOptions& options) {
    options.connection.deadlines = {.handshake = 1h, .request = 1h, .write = 1h, .idle = 1h};
    options.grace = 50ms;
  });
  const Client silent(served.address());
  const Client cut(served.address());
  cut.send(std::string_view(hello()).substr(0, 100));
  CHECK(served.transport.drain(kPatience));
  CHECK(cut.receive_all().empty());
}

TEST_CASE("who has been answered and says no more is idle") {
  const Secured served([](TransportOptions& options) {
    options.connection.deadlines.request = 50ms;
    options.connection.deadlines.idle = 200ms;
  });
  const TlsClient client(served.address());
  client.send(post("a"));
  CHECK(client.receive(3) == "[a]");
  CHECK(eventually([&] { return served.causes.count("idle_timeout") == 1; }));
  CHECK(served.causes.count("request_timeout") == 0);
}

TEST_CASE("a request is answered however its records are cut, and the next one after it") {
  const Secured served;
  const TlsClient client(served.address());
  for (const char c : post("one")) client.send(std::string_view(&c, 1));
  CHECK(client.receive(5) == "[one]");
  client.send(post("two") + post("three"));
  CHECK(client.receive(12) == "[two][three]");
  const std::string large(500'000, 'a');
  client.send(post(large));
  CHECK(client.receive(large.size() + 2) == '[' + large + ']');
}

TEST_CASE("each way to fail a handshake is told apart") {
  const test::Pair ca = test::make_pair({.is_ca = true});
  SUBCASE("the client goes away") {
    const Secured served;
    { const Client gone(served.address()); }
    CHECK(eventually([&] { return served.causes.count("handshake client") == 1; }));
  }
  SUBCASE("the client says nothing, or a byte now and then") {
    const Secured served(
        [](TransportOptions& options) { options.connection.deadlines.handshake = 50ms; });
    const Client silent(served.address());
    CHECK(silent.receive_all().empty());
    const Client slow(served.address());
    const std::string sent = hello();
    std::size_t next = 0;
    CHECK(eventually([&] {
      try {
        if (next < 100) slow.send(std::string_view(sent).substr(next++, 1));
      } catch (const std::runtime_error&) {  // it is closed
      }
      return served.causes.count("handshake timeout") == 2;
    }));
  }
  SUBCASE("plain HTTP") {
    const Secured served;
    const Client plain(served.address());
    plain.send(post("a"));
    CHECK(eventually([&] { return served.causes.count("handshake not_tls") == 1; }));
  }
  SUBCASE("no version in common") {
    const Secured served;
    const TlsClient old(served.address(), [](SSL_CTX* context) {
      SSL_CTX_set_security_level(context, 0);
      SSL_CTX_set_min_proto_version(context, TLS1_1_VERSION);
      SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    });
    CHECK_FALSE(old.is_connected);
    CHECK(eventually([&] { return served.causes.count("handshake nothing_in_common") == 1; }));
  }
  SUBCASE("a client without the certificate that we ask for") {
    const Secured served({}, ca.certificate_pem);
    const TlsClient nobody(served.address());
    CHECK(nobody.receive(1).empty());
    CHECK(eventually([&] { return served.causes.count("handshake client_certificate") == 1; }));
  }
  SUBCASE("a client that does not trust our certificate") {
    const Secured served;
    const TlsClient suspicious(served.address(), [](SSL_CTX* context) {
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    });
    CHECK_FALSE(suspicious.is_connected);
    CHECK(eventually([&] { return served.causes.count("handshake server_certificate") == 1; }));
  }
}

std::atomic<int> handshakes_begun{0};

TEST_CASE("a flood of handshakes does not keep an open connection waiting") {
  constexpr int kFlood = 40;
  std::promise<void> entered;
  std::promise<void> let_go;
  std::atomic<int> begun_before_answer{-1};
  Secured served([&](TransportOptions& options) {
    options.workers = 1;
    options.connection.respond = [&](const RawRequest& request) {
      if (request.body == "hold") {
        entered.set_value();
        let_go.get_future().wait();
      } else if (request.body == "review") {
        begun_before_answer = handshakes_begun.load();
      }
      return RawAnswer{.bytes = "[ok]"};
    };
  });
  const TlsClient holds(served.address());
  const TlsClient open(served.address());
  open.send(post("first"));
  CHECK(open.receive(4) == "[ok]");
  std::vector<Client> flood;
  for (int i = 0; i < kFlood; ++i) flood.emplace_back(served.address());
  CHECK(eventually([&] { return served.transport.open_connections() == kFlood + 2; }));
  SSL_CTX_set_info_callback(served.context.get(), [](const SSL*, int where, int) {
    if (where == SSL_CB_HANDSHAKE_START) ++handshakes_begun;
  });
  // The only worker is busy while all hellos, and then the review, become ready.
  holds.send(post("hold"));
  entered.get_future().wait();
  const std::string sent = hello();
  for (const Client& client : flood) client.send(sent);
  open.send(post("review"));
  let_go.set_value();
  CHECK(open.receive(4) == "[ok]");
  CHECK(begun_before_answer >= 0);
  CHECK(begun_before_answer < 5);
  CHECK(eventually([] { return handshakes_begun >= kFlood; }));
}

}  // namespace
}  // namespace webhook
