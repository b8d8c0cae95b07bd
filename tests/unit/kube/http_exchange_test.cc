#include "kube/http_exchange.h"

#include <doctest/doctest.h>

#include <string_view>

namespace webhook {
namespace {

constexpr std::size_t kMaxBody = 64;

struct Exchanged {
  Result<HttpResponse> response;
  bool keeps_connection;
};

/// The answer as it would arrive in pieces of `size` bytes, and the end after them.
Exchanged read_in_pieces(std::string_view wire, std::size_t size) {
  AnswerFraming framing(kMaxBody);
  const ByteChannel channel{.read = [&]() -> Result<std::string_view> {
                              const std::string_view piece = wire.substr(0, size);
                              wire.remove_prefix(piece.size());
                              return piece;
                            },
                            .write = [](std::string_view) { return std::nullopt; }};
  auto response = exchange_http(channel, {}, framing);
  return {.response = std::move(response), .keeps_connection = framing.keeps_connection()};
}

TEST_CASE("exchange_http reads every framing of a body, however it is cut") {
  struct Row {
    std::string_view wire;
    int status;
    std::string_view body;
  };
  for (const Row& row : {
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}"},
           Row{"HTTP/1.1 200\r\ncontent-length:2\r\n\r\n{}left over", 200, "{}"},
           Row{"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
               "Chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n",
               200, "{}"},
           Row{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200,
               ""},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\nA:\r\n\r\n"
               "02 \r\n{}\r\n0\r\nTrailer: 1\r\n\r\n",
               200, "{}"},
           Row{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 200,
               "{}"},
           Row{"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", 202, "{}"},
           Row{"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
           Row{"HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: 2\r\n\r\n{}", 422, "{}"},
           Row{"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9999999\r\n\r\n", 401, ""},
           Row{"HTTP/1.1 302 Found\r\nLocation: https://elsewhere\r\n\r\n", 302, ""},
       }) {
    for (const std::size_t size : {1U, 2U, 7U, 1000U}) {
      CAPTURE(row.wire);
      CAPTURE(size);
      const auto got = read_in_pieces(row.wire, size).response;
      REQUIRE(got);
      CHECK(got->status == row.status);
      CHECK(got->body == row.body);
    }
  }
}

TEST_CASE("exchange_http refuses what is not one whole answer") {
  const std::string long_line = "HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'a') + "\r\n\r\n";
  std::string many_lines = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 5'000; ++i) many_lines += "A: aaaa\r\n";
  std::string endless_interim;
  for (int i = 0; i < 5'000; ++i) endless_interim += "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string endless_extension =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'a');
  struct Row {
    std::string_view wire;
    const char* why;
  };
  for (const Row& row : {
           Row{"", "the answer breaks off"},
           Row{"HTTP/1.1 200 OK\r\n", "the answer breaks off"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", "the answer breaks off"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
               "the answer breaks off"},
           Row{"SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP answer"},
           Row{"HTTP/2 200\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1 20\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1 2000\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1 -20 OK\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1 200 OK\n\n", "not an HTTP answer"},
           Row{"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1 200 OK\r\n: no name\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "not an HTTP answer"},
           Row{"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "not an HTTP answer"},
           Row{std::string_view("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 25), "not an HTTP answer"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "unknown transfer encoding"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
               "chunked\r\n\r\n",
               "unknown transfer encoding"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "bad Content-Length"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "bad Content-Length"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
               "bad Content-Length"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
               "bad Content-Length"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
               "bad Content-Length"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", "bad Content-Length"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "bad chunk size"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", "bad chunk"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1x\r\n", "bad chunk size"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
               "the answer breaks off"},
           Row{endless_extension, "the answer's head is over 16 KiB"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n3f\r\n",
               "the answer is over 64 bytes"},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", "the answer is over 64 bytes"},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
               "the answer is over 64 bytes"},
           Row{"HTTP/1.1 200 OK\r\n\r\n"
               "0123456789012345678901234567890123456789012345678901234567890123456789",
               "the answer is over 64 bytes"},
           Row{long_line, "the answer's head is over 16 KiB"},
           Row{many_lines, "the answer's head is over 16 KiB"},
           Row{endless_interim, "the answer's head is over 16 KiB"},
       }) {
    CAPTURE(row.wire.substr(0, 100));
    const auto got = read_in_pieces(row.wire, 4096).response;
    REQUIRE_FALSE(got);
    CHECK(got.error().message == row.why);
  }
}

TEST_CASE(
    "another request may follow where the answer says neither otherwise nor more than it has") {
  struct Row {
    std::string_view wire;
    bool keeps;
  };
  for (const Row& row : {
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\n{}", true},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
           Row{"HTTP/1.1 204 No Content\r\n\r\n", true},
           Row{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", true},
           Row{"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
               true},
           Row{"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", false},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nconnection: close\r\n\r\n{}", false},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{", false},
           Row{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", false},
           Row{"HTTP/1.1 200 OK\r\n\r\n{}", false},
       }) {
    CAPTURE(row.wire);
    const auto got = read_in_pieces(row.wire, 4096);
    REQUIRE(got.response);
    CHECK(got.keeps_connection == row.keeps);
  }
}

TEST_CASE("exchange_http hands on why the bytes stopped coming, or did not go") {
  for (const bool write_fails : {false, true}) {
    AnswerFraming framing(kMaxBody);
    const ByteChannel channel{
        .read = []() -> Result<std::string_view> { return Error{"timed out"}; },
        .write = [&](std::string_view) -> std::optional<Error> {
          if (write_fails) return Error{"broken pipe"};
          return std::nullopt;
        }};
    const auto got = exchange_http(channel, {}, framing);
    REQUIRE_FALSE(got);
    CHECK(got.error().message == (write_fails ? "broken pipe" : "timed out"));
  }
}

}  // namespace
}  // namespace webhook
