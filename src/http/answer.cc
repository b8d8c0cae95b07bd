#include "http/answer.h"

#include "base/status.h"

namespace webhook {
namespace {

/// RFC 9110, section 15: what framing, the listener and the routes answer with.
std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
  }
}

}  // namespace

HttpAnswer to_error(int status, std::string_view message) {
  return {.status = status, .body = to_status(status, message), .retry_after = status == 503};
}

std::string to_bytes(const HttpAnswer& answer, Sending how) {
  constexpr std::size_t kMaxHead = 256;
  std::string bytes;
  bytes.reserve(kMaxHead + answer.body.size());
  bytes.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(1, ' ');
  bytes.append(reason_phrase(answer.status));
  if (how.closes) bytes.append("\r\nConnection: close");
  if (answer.retry_after) bytes.append("\r\nRetry-After: 1");
  if (!answer.allow.empty()) bytes.append("\r\nAllow: ").append(answer.allow);
  bytes.append("\r\nContent-Type: ").append(answer.content_type);
  bytes.append("\r\nContent-Length: ").append(std::to_string(answer.body.size()));
  bytes.append("\r\n\r\n");
  if (!how.without_body) bytes.append(answer.body);
  return bytes;
}

}  // namespace webhook
