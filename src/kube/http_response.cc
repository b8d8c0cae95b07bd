#include "kube/http_response.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace webhook {
namespace {

constexpr std::size_t kMaxHeadBytes = 16'384;  // what our own server takes, too

std::string lower(std::string_view text) {
  std::string out(text);
  // ASCII only: no locale has a say in header names.
  std::transform(out.begin(), out.end(), out.begin(), [](char each) {
    return each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
  });
  return out;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The whole of `digits` as a number.
std::optional<std::size_t> parse_size(std::string_view digits, int base) {
  std::size_t size = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), size, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return size;
}

struct Head {
  int status = 0;
  bool chunked = false;
  std::optional<std::size_t> content_length;
};

/// Takes an answer apart as it arrives. Every step returns false, or nothing, when `error_` is set.
class ResponseReader {
 public:
  ResponseReader(const ReadSome& read_some, std::size_t max_body_bytes)
      : read_some_(read_some), max_body_bytes_(max_body_bytes) {}

  Result<HttpResponse> read() {
    Head head;
    do {  // 1xx are interim answers: the final one follows.
      head = {};
      if (!read_head(head)) return error_;
    } while (head.status < 200);
    HttpResponse response{.status = head.status, .body = {}};
    // 422: the API server's Status says which field it does not take.
    const bool has_body = head.status == 200 || head.status == 201 || head.status == 422;
    if (has_body && !read_body(head, response.body)) return error_;
    return response;
  }

 private:
  bool refuse(std::string why) {
    error_.message = std::move(why);
    return false;
  }

  /// Appends what comes next to `buffer_`. False on failure, and at the end.
  bool fill() {
    auto bytes = read_some_();
    if (!bytes) return refuse(bytes.error().message);
    if (bytes->empty()) return refuse("the answer breaks off");
    buffer_ += *bytes;
    return true;
  }

  std::optional<std::string> take_line() {
    std::size_t end = 0;
    while ((end = buffer_.find('\n')) == std::string::npos) {
      if (buffer_.size() > kMaxHeadBytes) break;
      if (!fill()) return std::nullopt;
    }
    line_bytes_ += std::min(end, buffer_.size());
    // Lines of chunks count as well: an endless run of one-byte chunks ends here, too.
    if (line_bytes_ > kMaxHeadBytes + max_body_bytes_ || end > kMaxHeadBytes) {
      refuse("the answer's head is over 16 KiB");
      return std::nullopt;
    }
    if (end == 0 || buffer_[end - 1] != '\r') {
      refuse("not an HTTP answer");
      return std::nullopt;
    }
    std::string line = buffer_.substr(0, end - 1);
    buffer_.erase(0, end + 1);
    return line;
  }

  bool read_head(Head& head) {
    const auto status_line = take_line();
    if (!status_line) return false;
    // "HTTP/1.1 200 OK", the reason being optional.
    const std::string_view text = *status_line;
    const auto status = parse_size(text.substr(std::min<std::size_t>(9, text.size()), 3), 10);
    if (!text.starts_with("HTTP/1.") || text.substr(8, 1) != " " || !status || *status < 100 ||
        (text.size() > 12 && text[12] != ' ')) {
      return refuse("not an HTTP answer");
    }
    head.status = static_cast<int>(*status);
    for (;;) {
      const auto line = take_line();
      if (!line) return false;
      if (line->empty()) return true;
      if (line_bytes_ > kMaxHeadBytes) return refuse("the answer's head is over 16 KiB");
      if (!read_header(*line, head)) return false;
    }
  }

  bool read_header(std::string_view line, Head& head) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return refuse("not an HTTP answer");
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "transfer-encoding") {
      if (lower(value) != "chunked") return refuse("unknown transfer encoding");
      head.chunked = true;
    } else if (name == "content-length") {
      const auto length = parse_size(value, 10);
      if (!length || (head.content_length && head.content_length != length)) {
        return refuse("bad Content-Length");
      }
      head.content_length = length;
    }
    return true;
  }

  bool read_body(const Head& head, std::string& body) {
    if (head.chunked) return read_chunks(body);
    if (head.content_length) return take_bytes(*head.content_length, body);
    for (;;) {
      body += std::exchange(buffer_, {});
      if (body.size() > max_body_bytes_) return refuse_size();
      auto bytes = read_some_();
      if (!bytes) return refuse(bytes.error().message);
      if (bytes->empty()) return true;
      buffer_ = std::move(*bytes);
    }
  }

  bool read_chunks(std::string& body) {
    for (;;) {
      const auto line = take_line();
      if (!line) return false;
      // "1a;name=value": extensions mean nothing to us.
      const auto size = parse_size(trim(line->substr(0, line->find(';'))), 16);
      if (!size) return refuse("bad chunk size");
      if (*size == 0) return true;  // trailers would follow: nothing in them is for us
      if (!take_bytes(*size, body)) return false;
      const auto end = take_line();
      if (!end) return false;
      if (!end->empty()) return refuse("bad chunk");
    }
  }

  bool take_bytes(std::size_t count, std::string& body) {
    if (count > max_body_bytes_ - body.size()) return refuse_size();
    while (buffer_.size() < count) {
      if (!fill()) return false;
    }
    body.append(buffer_, 0, count);
    buffer_.erase(0, count);
    return true;
  }

  bool refuse_size() {
    return refuse("the answer is over " + std::to_string(max_body_bytes_) + " bytes");
  }

  const ReadSome& read_some_;
  std::size_t max_body_bytes_;
  std::string buffer_;          // arrived, not yet taken
  std::size_t line_bytes_ = 0;  // taken by take_line()
  Error error_;
};

}  // namespace

Result<HttpResponse> read_http_response(const ReadSome& read_some, std::size_t max_body_bytes) {
  return ResponseReader(read_some, max_body_bytes).read();
}

}  // namespace webhook
