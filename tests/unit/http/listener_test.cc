// The listener without TLS, over loopback: which route answers, and what leaves.
#include "http/listener.h"

#include <doctest/doctest.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "unit/http/loopback_client.h"

namespace webhook {
namespace {

using test::Client;

std::string request(const std::string& line, const std::string& headers = "") {
  return line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + "\r\n";
}

std::string post(const std::string& path, const std::string& body) {
  return request("POST " + path, "Content-Type: text/x\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n") +
         body;
}

/// What callbacks were given, on the listener's threads.
template <class T>
class Seen {
 public:
  void add(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
  }
  std::vector<T> all() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<T> values_;
};

/// A listener with two paths that answer, and one that throws; what it counted and said.
struct Served {
  Served() { listener.start(); }

  std::string ask(const std::string& sent) const {
    const Client client(listener.address());
    client.send(sent);
    return client.receive_all();
  }

  Seen<int> statuses;
  Seen<std::string> bugs;
  HttpListener listener{
      {.address = "127.0.0.1:0",
       .workers = 1,
       .on_response = [this](int status) { statuses.add(status); },
       .on_bug = [this](std::string_view what) { bugs.add(std::string(what)); }},
      {{"POST", "/post",
        [](const HttpRequest& asked) {
          return HttpAnswer{.body = std::string(asked.body) + '|' + asked.timeout};
        },
        "text/x"},
       {"GET", "/get",
        [](const HttpRequest& asked) {
          return HttpAnswer{.body = asked.verbose ? "all" : "ok", .content_type = "text/plain"};
        }},
       {"GET", "/throws",
        [](const HttpRequest&) -> HttpAnswer { throw std::runtime_error("a bug"); }}}};
};

std::string head_of(const std::string& answer) { return answer.substr(0, answer.find("\r\n\r\n")); }
std::string body_of(const std::string& answer) { return answer.substr(head_of(answer).size() + 4); }

TEST_CASE("a route is found by method and path, and told what the head says") {
  const Served served;
  CHECK(served.ask(post("/post?a=b&timeout=1%30s", "body")) ==
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
        "Content-Length: 8\r\n\r\nbody|10s");
  CHECK(body_of(served.ask(request("GET /get?verbose"))) == "all");
  CHECK(served.ask(request("HEAD /get")) ==
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        "Content-Length: 2\r\n\r\n");
  CHECK(served.statuses.all() == std::vector{200, 200, 200});
}

TEST_CASE("an answer is never compressed, whatever the client offers") {
  const Served served;
  const std::string answer =
      served.ask(request("GET /get", "Accept-Encoding: gzip, br\r\nAccept: */*\r\n"));
  CHECK(answer.find("Content-Encoding") == std::string::npos);
  CHECK(body_of(answer) == "ok");
}

TEST_CASE("what has no route is refused, and its body is not read") {
  struct Row {
    const char* line;
    const char* status;
    const char* allow;  ///< Empty: no such header.
  };
  Served served;
  for (const Row& row : {
           Row{"GET /post", "405 Method Not Allowed", "\r\nAllow: POST\r\n"},
           Row{"HEAD /post", "405 Method Not Allowed", "\r\nAllow: POST\r\n"},
           Row{"BREW /get", "405 Method Not Allowed", "\r\nAllow: GET, HEAD\r\n"},
           Row{"GET /", "404 Not Found", ""},
           Row{"GET /get/", "404 Not Found", ""},
           Row{"GET /%67et", "404 Not Found", ""},
           Row{"POST /nowhere", "404 Not Found", ""},
       }) {
    for (const char* length : {"0", "1000000"}) {
      CAPTURE(row.line);
      CAPTURE(length);
      const std::string answer =
          served.ask(request(row.line, "Content-Length: " + std::string(length) + "\r\n"));
      CHECK(answer.starts_with("HTTP/1.1 " + std::string(row.status) + "\r\nConnection: close"));
      CHECK((answer.find(row.allow) != std::string::npos));
      CHECK((*row.allow != 0) == (answer.find("\r\nAllow") != std::string::npos));
      CHECK(body_of(answer).empty() == std::string_view(row.line).starts_with("HEAD"));
    }
  }
  CHECK(body_of(served.ask(request("GET /"))).find("(expected /post, /get, /throws)") !=
        std::string::npos);
}

TEST_CASE("another content type than the route's is refused, and its body is not read") {
  Served served;
  const auto ask = [&](const std::string& type, const std::string& length) {
    const std::string answer =
        served.ask(request("POST /post", type + "Content-Length: " + length + "\r\n"));
    return answer.substr(0, answer.find("\r\n"));
  };
  for (const char* type : {"", "Content-Type: text/y\r\n", "Content-Type: text/xy; a=text/x\r\n",
                           "Content-Type: \r\n", "Content-Type: text/x, text/x\r\n"}) {
    CAPTURE(type);
    CHECK(ask(type, "0") == "HTTP/1.1 415 Unsupported Media Type");
    CHECK(ask(type, "1000000") == "HTTP/1.1 415 Unsupported Media Type");
  }
  CHECK(ask("Content-Type: TEXT/X ; charset=utf-8\r\n", "0") == "HTTP/1.1 200 OK");
}

TEST_CASE("a body where none belongs is refused unread") {
  Served served;
  const std::string answer = served.ask(request("GET /get", "Content-Length: 1000000\r\n"));
  CHECK(answer.starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
  CHECK(body_of(answer).find("body (expected none)") != std::string::npos);
  CHECK(served.statuses.all() == std::vector{400});
}

TEST_CASE("a handler that throws is answered 500, and said with its path only") {
  Served served;
  const std::string answer = served.ask(request("GET /throws?secret"));
  CHECK(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
  CHECK(answer.find("a bug") == std::string::npos);
  CHECK(served.bugs.all() == std::vector<std::string>{"the handler of /throws failed: a bug"});
  CHECK(served.statuses.all() == std::vector{500});
}

TEST_CASE("what is no request is refused as a Status and counted") {
  Served served;
  const std::string answer = served.ask("GET / HTTP/1.1\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
  CHECK(body_of(answer).find(R"("kind":"Status")") != std::string::npos);
  CHECK(served.statuses.all() == std::vector{400});
}

TEST_CASE("while it drains, each answer says that it is the last") {
  Served served;
  const Client client(served.listener.address());
  client.send("GET /get HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string stays =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
  CHECK(client.receive(stays.size()) == stays);
  served.listener.begin_drain();
  client.send("GET /get HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(head_of(client.receive_all()).find("Connection: close") != std::string::npos);
}

}  // namespace
}  // namespace webhook
