#include "http/framing.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace webhook {
namespace {

constexpr std::size_t kMaxBody = 100;

/// "" for a request, "..." for the beginning of one, else "STATUS what is wrong".
std::string outcome(std::string_view bytes) {
  const auto framing = frame_request(bytes, kMaxBody);
  if (std::holds_alternative<Framed>(framing)) return "";
  if (std::holds_alternative<Incomplete>(framing)) return "...";
  const auto& refusal = std::get<Refusal>(framing);
  return std::to_string(refusal.status) + ' ' +
         std::string(refusal.message.substr(0, refusal.message.find(" (")));
}

std::string get_with(std::string_view headers) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}

std::string post_with(std::string_view headers) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}

std::string numbered_headers(int count) {
  std::string headers;
  for (int i = 0; i < count; ++i) headers += "X-" + std::to_string(i) + ": v\r\n";
  return headers;
}

TEST_CASE("a request is found where it ends, and not before") {
  const std::string head =
      "POST /mutate?timeout=5s HTTP/1.1\r\nHost: localhost:10250\r\n"
      "content-LENGTH: \t12 \r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    CAPTURE(size);
    CHECK(outcome(head.substr(0, size)) == "...");
  }
  for (const char* after : {"", "{", "{}GET / HTTP/1.1\r\n", "\n\0\r"}) {
    const auto framing = frame_request(head + after, kMaxBody);
    REQUIRE(std::holds_alternative<Framed>(framing));
    const auto& framed = std::get<Framed>(framing);
    CHECK(framed.head == head.size());
    CHECK(framed.body == 12);
    CHECK(framed.keeps_alive);
    CHECK_FALSE(framed.expects_continue);
  }
}

TEST_CASE("who wants to keep the connection, and who waits to be told to go on") {
  struct Row {
    std::string request;
    bool keeps_alive;
    bool expects_continue;
  };
  for (const Row& row : {
           Row{get_with(""), true, false},
           Row{get_with("Connection: keep-alive\r\n"), true, false},
           Row{get_with("Connection: close\r\n"), false, false},
           Row{get_with("connection: TE ,\tCLOSE\r\n"), false, false},
           Row{get_with("Connection: closed\r\n"), true, false},
           Row{get_with("Connection: TE\r\nConnection: close\r\n"), false, false},
           Row{"GET / HTTP/1.0\r\n\r\n", false, false},
           Row{"GET / HTTP/1.2\r\nHost: a\r\n\r\n", true, false},
           Row{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, false},
           Row{post_with("Content-Length: 1\r\nExpect: 100-Continue\r\n"), true, true},
       }) {
    CAPTURE(row.request);
    const auto framing = frame_request(row.request, kMaxBody);
    REQUIRE(std::holds_alternative<Framed>(framing));
    CHECK(std::get<Framed>(framing).keeps_alive == row.keeps_alive);
    CHECK(std::get<Framed>(framing).expects_continue == row.expects_continue);
  }
}

TEST_CASE("what the head says is read as it was sent") {
  struct Row {
    std::string request;
    const char* want;  ///< "METHOD|path|query|content type"
  };
  for (const Row& row : {
           Row{get_with(""), "GET|/||"},
           Row{"POST /mutate?timeout=10s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
               "content-TYPE: \tapplication/json; charset=utf-8 \r\n\r\n",
               "POST|/mutate|timeout=10s|application/json; charset=utf-8"},
           Row{"BREW /a%20b/../?a=?&b=%2F#c HTTP/1.1\r\nHost: a\r\n\r\n",
               "BREW|/a%20b/../|a=?&b=%2F#c|"},
           Row{"GET /? HTTP/1.0\r\n\r\n", "GET|/||"},
           Row{"GET https://a.b:443/c?d HTTP/1.1\r\nHost: other\r\n\r\n", "GET|/c|d|"},
           Row{"GET HTTP://[::1]/c://d HTTP/1.1\r\nHost: a\r\n\r\n", "GET|/c://d||"},
           Row{"GET http://a HTTP/1.0\r\n\r\n", "GET|/||"},
           Row{"GET http://a?b=/ HTTP/1.0\r\n\r\n", "GET|/|b=/|"},
           Row{"GET //a/b HTTP/1.0\r\n\r\n", "GET|//a/b||"},
       }) {
    CAPTURE(row.request);
    const std::string bytes = row.request + "{}";
    const auto framing = frame_request(bytes, kMaxBody);
    REQUIRE(std::holds_alternative<Framed>(framing));
    const auto& framed = std::get<Framed>(framing);
    CHECK(std::string(framed.method) + '|' + std::string(framed.path) + '|' +
              std::string(framed.query) + '|' + std::string(framed.content_type) ==
          row.want);
  }
}

TEST_CASE("limits hold to the byte") {
  CHECK(outcome(post_with("Content-Length: 100\r\n")) == "");
  CHECK(outcome(post_with("Content-Length: 101\r\n")) == "413 body");
  CHECK(outcome(get_with("Content-Length: 101\r\n")) == "413 body");
  CHECK(outcome(post_with("Content-Length: 00100\r\n")) == "");

  // Host is the 64th.
  CHECK(outcome(get_with(numbered_headers(63))) == "");
  CHECK(outcome(get_with(numbered_headers(64))) == "431 headers");

  const std::size_t room = kMaxHeadBytes - get_with("A: \r\n").size();
  CHECK(outcome(get_with("A: " + std::string(room, 'a') + "\r\n")) == "");
  CHECK(outcome(get_with("A: " + std::string(room + 1, 'a') + "\r\n")) == "431 head");
  CHECK(outcome(std::string(kMaxHeadBytes - 1, 'a')) == "...");
  CHECK(outcome(std::string(kMaxHeadBytes, 'a')) == "431 head");
}

TEST_CASE("what two readers could frame differently is refused") {
  struct Row {
    std::string request;
    const char* want;
  };
  for (const Row& row : {
           Row{post_with(""), "411 Content-Length is missing"},
           Row{post_with("Transfer-Encoding: chunked\r\n"), "411 Transfer-Encoding"},
           Row{post_with("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
               "411 Transfer-Encoding"},
           Row{post_with("Content-Length: 2\r\nContent-Length: 2\r\n"), "400 Content-Length"},
           Row{post_with("Content-Length: 2, 2\r\n"), "400 Content-Length"},
           Row{post_with("Content-Length: -1\r\n"), "400 Content-Length"},
           Row{post_with("Content-Length: +1\r\n"), "400 Content-Length"},
           Row{post_with("Content-Length: 0x1\r\n"), "400 Content-Length"},
           Row{post_with("Content-Length:\r\n"), "400 Content-Length"},
           Row{post_with("Content-Length: 99999999999999999999\r\n"), "413 body"},
           Row{post_with("Content-Length: 2\r\nContent-Encoding: gzip\r\n"),
               "415 Content-Encoding"},
           Row{post_with("Content-Length: 2\r\nExpect: more\r\n"), "417 Expect"},
           Row{get_with("Range: bytes=0-1\r\n"), "400 Range"},
           Row{get_with("Content-Type: a\r\nContent-Type: a\r\n"), "400 Content-Type"},
           Row{get_with("Content-Type:\r\nContent-Type: a\r\n"), "400 Content-Type"},
           Row{get_with("Host: b\r\n"), "400 Host"},
           Row{get_with("Host: a\r\n"), "400 Host"},
           Row{"GET / HTTP/1.1\r\n\r\n", "400 Host is missing"},
           Row{"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "400 Host is missing"},
           Row{get_with(" folded: a\r\n"), "400 header line"},
           Row{get_with("A: b\r\n\tfolded\r\n"), "400 header line"},
           Row{get_with("A : b\r\n"), "400 header line"},
           Row{get_with(": b\r\n"), "400 header line"},
           Row{get_with("no colon\r\n"), "400 header line"},
           Row{"GET /\r\n\r\n", "400 request line"},
           Row{"\r\n\r\n", "400 request line"},
           Row{"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "400 request line"},
           Row{"GET  HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"GET / / HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"GET http://a/ HTTP/1.1\r\n\r\n", "400 Host is missing"},
           Row{"GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"GET http HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "400 request target"},
           Row{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 request target"},
           Row{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP version"},
           Row{"GET / HTTP/0.9\r\nHost: a\r\n\r\n", "505 HTTP version"},
           Row{"GET / HTTP/1.10\r\nHost: a\r\n\r\n", "400 request line"},
           Row{"GET / HTTP/1.x\r\nHost: a\r\n\r\n", "400 request line"},
           Row{"GET / http/1.1\r\nHost: a\r\n\r\n", "400 request line"},
           Row{"GET / HTTP/1.2\r\n\r\n", "400 Host is missing"},
           Row{"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400 request target"},
       }) {
    CAPTURE(row.request);
    CHECK(outcome(row.request) == row.want);
  }
}

TEST_CASE("a host is a name or an address, and a port") {
  for (const char* host :
       {"a", "localhost:10250", "code-executor-webhook.retool.svc:443", "10.0.0.1", "[::1]:10250",
        "[fe80::1%25eth0]", "under_score", "a:65535", "a:", "a:00443", "[::ffff:10.0.0.1]:1"}) {
    CAPTURE(host);
    CHECK(outcome("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") == "");
  }
  for (const char* host : {"",       " ",        ":443",        "a b",   "a\tb",    "a, b",
                           "a,b",    "user@a",   "user:pass@a", "a/b",   "a?b",     "a#b",
                           "a\\b",   "http://a", "\xc3\xa9",    "a\"b",  "a:65536", "a:99999",
                           "a:-1",   "a:+1",     "a:http",      "a:1:2", "::1",     "[::1",
                           "::1]",   "[::1]1",   "[::1]:x",     "[]",    "[a]",     "[10.0.0.1]",
                           "[::1]]", "[[::1]",   "a[::1]",      "a]:1",  "[::1%]",  "a%41"}) {
    CAPTURE(host);
    CHECK(outcome("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") == "400 Host");
    CHECK(outcome("GET / HTTP/1.0\r\nHost: " + std::string(host) + "\r\n\r\n") == "400 Host");
  }
}

TEST_CASE("a control character is refused as soon as it is there") {
  using std::string_view_literals::operator""sv;
  for (const std::string_view bytes :
       {"GET /\n"sv, "\n"sv, "GET / HTTP/1.1\r\nA: b\n"sv, "GET / HTTP/1.1\rHost"sv, "GET /\0"sv,
        "GET / HTTP/1.1\r\nA: \x7f"sv, "\x16\x03\x01"sv}) {
    CAPTURE(bytes);
    CHECK(outcome(bytes) == "400 control character in the head");
  }
}

}  // namespace
}  // namespace webhook
