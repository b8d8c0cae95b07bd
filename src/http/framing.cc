#include "http/framing.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "tls/ip_address.h"

namespace webhook {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kBlanks = " \t";  // RFC 9110, section 5.6.3

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

/// A control character that has no place in a head; CR and LF only as a pair.
std::optional<Refusal> check_bytes(std::string_view head) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; };
  const auto end = head.end();
  for (auto at = std::find_if(head.begin(), end, is_control); at != end;
       at = std::find_if(at + 1, end, is_control)) {
    if (*at == '\r' && (at + 1 == end || at[1] == '\n')) continue;
    if (*at == '\n' && at != head.begin() && at[-1] == '\r') continue;
    if (*at == '\t') continue;
    return Refusal{400, "control character in the head (expected lines that end in CR LF)"};
  }
  return std::nullopt;
}

struct Seen {
  std::size_t headers = 0;
  std::size_t hosts = 0;
  bool needs_host = true;
  bool length = false;
  bool content_type = false;
};

bool is_port(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return text.empty() || (error == std::errc() && end == text.data() + text.size());
}

/// What an address or a zone in brackets, or a name, is made of.
bool is_name(std::string_view text, std::string_view marks) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || is_digit(c) || marks.find(c) != std::string_view::npos;
  });
}

/// "[::1]", "[fe80::1%25eth0]"
bool is_bracketed_address(std::string_view text) {
  if (!text.starts_with('[') || !text.ends_with(']')) return false;
  text = text.substr(1, text.size() - 2);
  const std::string_view address = text.substr(0, text.find('%'));
  const std::string_view zone = text.substr(address.size());
  return address.find(':') != std::string_view::npos && is_ip_address(std::string(address)) &&
         (zone.empty() || is_name(zone.substr(1), "-._~%"));
}

/// A host and a port (RFC 9110, section 7.2): a name or an address; nobody's user, no list.
bool is_authority(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  return (is_name(host, "-._~") || is_bracketed_address(host)) && is_port(port);
}

/// "/mutate?timeout=5s", or the same after a scheme and an authority (RFC 9112, section 3.2.2),
/// which say no more than Host.
bool read_target(std::string_view target, Framed& framed) {
  const std::size_t scheme = std::min(target.find("://"), target.size());
  const bool is_web = equal_ignoring_case(target.substr(0, scheme), "https") ||
                      equal_ignoring_case(target.substr(0, scheme), "http");
  if (is_web && scheme < target.size()) {
    target.remove_prefix(scheme + 3);
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    if (!is_authority(target.substr(0, end))) return false;
    target.remove_prefix(end);
    if (!target.starts_with('/')) framed.path = "/";
  } else if (!target.starts_with('/')) {
    return false;
  }
  const std::size_t mark = std::min(target.find('?'), target.size());
  if (mark > 0) framed.path = target.substr(0, mark);
  framed.query = target.substr(std::min(mark + 1, target.size()));
  return true;
}

/// "HTTP/1.1". A later minor version is read as that (RFC 9110, section 2.5).
std::optional<Refusal> read_version(std::string_view version, Seen& seen, Framed& framed) {
  const bool is_version = version.size() == 8 && version.starts_with("HTTP/") &&
                          is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  if (!is_version) return Refusal{400, "request line (expected METHOD /path HTTP/1.1)"};
  if (version[5] != '1') return Refusal{505, "HTTP version (expected HTTP/1.1)"};
  if (version[7] == '0') {
    framed.keeps_alive = false;
    seen.needs_host = false;
  }
  return std::nullopt;
}

/// "POST /mutate?timeout=5s HTTP/1.1"
std::optional<Refusal> read_request_line(std::string_view line, Seen& seen, Framed& framed) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first || !is_token(line.substr(0, first))) {
    return Refusal{400, "request line (expected METHOD /path HTTP/1.1)"};
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const bool is_visible =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!is_visible || !read_target(target, framed)) {
    return Refusal{400, "request target (expected a path that begins with /)"};
  }
  framed.method = line.substr(0, first);
  return read_version(line.substr(last + 1), seen, framed);
}

std::optional<Refusal> read_length(std::string_view value, Seen& seen, Framed& framed) {
  const bool is_number = !value.empty() && std::all_of(value.begin(), value.end(), is_digit);
  if (seen.length || !is_number) {
    return Refusal{400, "Content-Length (expected one, of digits only)"};
  }
  seen.length = true;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), framed.body);
  if (error != std::errc()) framed.body = std::string_view::npos;  // too large for any limit
  return std::nullopt;
}

std::optional<Refusal> read_host(std::string_view value, Seen& seen) {
  if (!is_authority(value) || ++seen.hosts > 1) {
    return Refusal{400, "Host (expected one, of a host and a port)"};
  }
  return std::nullopt;
}

std::optional<Refusal> read_content_type(std::string_view value, Seen& seen, Framed& framed) {
  if (std::exchange(seen.content_type, true)) return Refusal{400, "Content-Type (expected one)"};
  framed.content_type = value;
  return std::nullopt;
}

void read_connection(std::string_view value, Framed& framed) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    if (equal_ignoring_case(trim(value.substr(0, comma), kBlanks), "close"))
      framed.keeps_alive = false;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

std::optional<Refusal> read_header(std::string_view line, Seen& seen, Framed& framed) {
  if (++seen.headers > kMaxHeaders) return Refusal{431, "headers (expected at most 64)"};
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return Refusal{400, "header line (expected Name: value, not folded)"};
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1), kBlanks);
  const auto is = [&](std::string_view other) {
    return name.size() == other.size() && equal_ignoring_case(name, other);
  };
  if (is("content-length")) return read_length(value, seen, framed);
  if (is("content-type")) return read_content_type(value, seen, framed);
  if (is("host")) return read_host(value, seen);
  if (is("transfer-encoding")) return Refusal{411, "Transfer-Encoding (expected Content-Length)"};
  if (is("content-encoding")) return Refusal{415, "Content-Encoding (expected none)"};
  if (is("range")) return Refusal{400, "Range (expected none)"};
  if (is("connection")) read_connection(value, framed);
  if (is("traceparent") && framed.traceparent.empty()) framed.traceparent = value;
  if (is("expect")) {
    if (!equal_ignoring_case(value, "100-continue")) {
      return Refusal{417, "Expect (expected 100-continue)"};
    }
    framed.expects_continue = true;
  }
  return std::nullopt;
}

/// `head` ends in the empty line.
std::variant<Incomplete, Framed, Refusal> read_head(std::string_view head,
                                                    std::size_t max_body_bytes) {
  Framed framed{.head = head.size()};
  std::size_t end = head.find(kLineEnd);
  Seen seen;
  if (const auto refusal = read_request_line(head.substr(0, end), seen, framed)) return *refusal;
  for (std::size_t start = end + 2; start < head.size() - 2; start = end + 2) {
    end = head.find(kLineEnd, start);
    if (const auto refusal = read_header(head.substr(start, end - start), seen, framed)) {
      return *refusal;
    }
  }
  if (seen.needs_host && seen.hosts == 0) return Refusal{400, "Host is missing (expected one)"};
  if (framed.method == "POST" && !seen.length) {
    return Refusal{411, "Content-Length is missing (expected one)"};
  }
  if (framed.body > max_body_bytes) return Refusal{413, "body (over server.maxRequestBytes)"};
  return framed;
}

}  // namespace

std::variant<Incomplete, Framed, Refusal> frame_request(std::string_view bytes,
                                                        std::size_t max_body_bytes) {
  const std::size_t end = bytes.substr(0, kMaxHeadBytes).find(kHeadEnd);
  const bool is_whole = end != std::string_view::npos;
  const std::string_view head = bytes.substr(0, is_whole ? end + kHeadEnd.size() : kMaxHeadBytes);
  if (const auto refusal = check_bytes(head)) return *refusal;
  if (is_whole) return read_head(head, max_body_bytes);
  if (bytes.size() >= kMaxHeadBytes) return Refusal{431, "head (expected at most 16 KiB)"};
  return Incomplete{};
}

}  // namespace webhook
