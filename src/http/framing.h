#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

namespace webhook {

/// More bytes are needed.
struct Incomplete {};

/// One well-formed request: its first `head + body` bytes, once that many are there, and what its
/// head says. The views are of the bytes that were read.
struct Framed {
  std::size_t head = 0;  ///< Request line, headers and the empty line.
  std::size_t body = 0;
  bool keeps_alive = true;        ///< HTTP/1.1 without `Connection: close`.
  bool expects_continue = false;  ///< `Expect: 100-continue`.
  std::string_view method = {};
  std::string_view path = {};   ///< As it was sent: nothing is decoded.
  std::string_view query = {};  ///< What follows the first `?`.
  std::string_view content_type = {};
  std::string_view traceparent = {};
};

/// What is no request that we take: the status to answer with before closing.
struct Refusal {
  int status = 400;
  std::string_view message;
};

inline constexpr std::size_t kMaxHeadBytes = std::size_t{16} << 10U;
inline constexpr std::size_t kMaxHeaders = 64;

/// Reads the head of the HTTP/1.1 request that `bytes` begins with (RFC 9112). Strict, because what
/// two readers frame differently can be smuggled past one of them: CRLF only, one Content-Length of
/// digits, one Host, no Transfer-Encoding, no folded header. Pure.
std::variant<Incomplete, Framed, Refusal> frame_request(std::string_view bytes,
                                                        std::size_t max_body_bytes);

}  // namespace webhook
