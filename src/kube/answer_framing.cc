#include "kube/answer_framing.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/text.h"

namespace webhook {
namespace {

constexpr std::string_view kBlanks = " \t";    // RFC 9110, section 5.6.3
constexpr std::size_t kMaxHeadBytes = 16'384;  // what our own server takes, too

/// The whole of `digits` as a number.
std::optional<std::size_t> parse_size(std::string_view digits, int base) {
  std::size_t size = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), size, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return size;
}

bool is_control(char each) {
  // Whether a char is signed is the architecture's affair.
  const auto code = static_cast<unsigned char>(each);
  return (code < 0x20 && each != '\t') || code == 0x7f;
}

}  // namespace

bool AnswerFraming::refuse(std::string why) {
  error_.message = std::move(why);
  return false;
}

Result<std::string> AnswerFraming::take(std::string_view bytes) {
  has_begun_ = has_begun_ || !bytes.empty();
  std::string passed;
  while (!bytes.empty() && state_ != State::kDone && state_ != State::kUnread) {
    const bool in_data =
        state_ == State::kLength || state_ == State::kUntilClose || state_ == State::kChunkData;
    if (!(in_data ? take_data(bytes, passed) : take_part_of_line(bytes, passed))) return error_;
  }
  // Nobody has asked for what is left over.
  if (!bytes.empty()) keeps_connection_ = false;
  return passed;
}

std::optional<Error> AnswerFraming::close() {
  keeps_connection_ = false;
  if (state_ == State::kUntilClose) state_ = State::kDone;
  if (state_ == State::kDone || state_ == State::kUnread) return std::nullopt;
  return Error{"the answer breaks off"};
}

bool AnswerFraming::take_data(std::string_view& bytes, std::string& passed) {
  const std::size_t count = std::min(left_, bytes.size());
  passed += bytes.substr(0, count);
  bytes.remove_prefix(count);
  left_ -= count;
  if (state_ == State::kUntilClose) {
    if (left_ == 0)
      return refuse("the answer is over " + std::to_string(max_body_bytes_) + " bytes");
  } else if (left_ == 0) {
    state_ = state_ == State::kChunkData ? State::kChunkEnd : State::kDone;
  }
  return true;
}

bool AnswerFraming::take_part_of_line(std::string_view& bytes, std::string& passed) {
  const std::size_t count = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
  line_ += bytes.substr(0, count);
  line_bytes_ += count;
  bytes.remove_prefix(count);
  if (line_bytes_ > kMaxHeadBytes) return refuse("the answer's head is over 16 KiB");
  if (!line_.ends_with('\n')) return true;
  if (!line_.ends_with("\r\n")) return refuse("not an HTTP answer");
  const std::string line = std::exchange(line_, {});
  return take_line(std::string_view(line).substr(0, line.size() - 2), passed);
}

bool AnswerFraming::take_line(std::string_view line, std::string& passed) {
  if (state_ == State::kHead) return take_head_line(line, passed);
  if (state_ == State::kChunkSize) return take_chunk_size(line, passed);
  if (state_ == State::kChunkEnd) {
    if (!line.empty()) return refuse("bad chunk");
    line_bytes_ = 0;
    state_ = State::kChunkSize;
    passed += "\r\n";
  } else if (line.empty()) {  // trailers before it: nothing in them is for us
    state_ = State::kDone;
    passed += "\r\n";
  }
  return true;
}

bool AnswerFraming::take_head_line(std::string_view line, std::string& passed) {
  if (status_ == 0) return take_status_line(line);
  return line.empty() ? end_head(passed) : take_header(line);
}

bool AnswerFraming::take_status_line(std::string_view line) {
  // "HTTP/1.1 200 OK", the reason being optional.
  constexpr std::size_t kDigits = 9;
  constexpr std::size_t kEnd = 12;
  const auto status = parse_size(line.substr(std::min(kDigits, line.size()), kEnd - kDigits), 10);
  if (!line.starts_with("HTTP/1.") || line.size() < kEnd || line[kDigits - 1] != ' ' || !status ||
      *status < 100 || (line.size() > kEnd && line[kEnd] != ' ')) {
    return refuse("not an HTTP answer");
  }
  status_ = static_cast<int>(*status);
  keeps_connection_ = line.starts_with("HTTP/1.1");
  // Without the reason, which cpp-httplib would read by a regular expression that recurses.
  head_ = "HTTP/1.1 " + std::to_string(status_) + "\r\n";
  return true;
}

bool AnswerFraming::take_header(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos ||
      line.substr(0, colon).find_first_of(" \t") != std::string_view::npos ||
      std::any_of(line.begin(), line.end(), is_control)) {
    return refuse("not an HTTP answer");
  }
  const std::string name = to_lower(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 1), kBlanks);
  if (name == "transfer-encoding") {
    if (chunked_ || !equal_ignoring_case(value, "chunked")) {
      return refuse("unknown transfer encoding");
    }
    chunked_ = true;
  } else if (name == "content-length") {
    const auto length = parse_size(value, 10);
    if (!length || content_length_) return refuse("bad Content-Length");
    content_length_ = length;
  } else if (name == "connection" && !equal_ignoring_case(value, "keep-alive")) {
    keeps_connection_ = false;
  }
  head_.append(line).append("\r\n");
  return true;
}

bool AnswerFraming::end_head(std::string& passed) {
  const std::string head = std::exchange(head_, {}) + "\r\n";
  const int status = std::exchange(status_, 0);
  const bool chunked = std::exchange(chunked_, false);
  const auto length = std::exchange(content_length_, std::nullopt);
  if (status < 200) return true;  // an interim answer: the final one follows
  passed += head;
  line_bytes_ = 0;
  if (status == 204) {
    state_ = State::kDone;
    return true;
  }
  if (!reads_body(status)) {
    state_ = !chunked && length == 0U ? State::kDone : State::kUnread;
    return true;
  }
  if (chunked) {
    state_ = State::kChunkSize;
    return true;
  }
  if (length) return begin_data(State::kLength, *length);
  state_ = State::kUntilClose;
  keeps_connection_ = false;
  left_ = max_body_bytes_ == std::numeric_limits<std::size_t>::max() ? max_body_bytes_
                                                                     : max_body_bytes_ + 1;
  return true;
}

bool AnswerFraming::take_chunk_size(std::string_view line, std::string& passed) {
  // "1a;name=value": extensions mean nothing to us.
  const auto digits = trim(line.substr(0, line.find(';')), kBlanks);
  const auto size = parse_size(digits, 16);
  if (!size) return refuse("bad chunk size");
  line_bytes_ = 0;
  passed.append(digits).append("\r\n");
  if (*size > 0) return begin_data(State::kChunkData, *size);
  state_ = State::kTrailer;
  return true;
}

bool AnswerFraming::begin_data(State state, std::size_t bytes) {
  if (bytes > max_body_bytes_ - body_bytes_) {
    return refuse("the answer is over " + std::to_string(max_body_bytes_) + " bytes");
  }
  body_bytes_ += bytes;
  left_ = bytes;
  state_ = bytes == 0 ? State::kDone : state;
  return true;
}

}  // namespace webhook
