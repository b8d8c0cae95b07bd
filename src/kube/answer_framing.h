#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace webhook {

/// Checks the bytes of an API server's answer to one request, as they arrive, and says where it
/// ends. Nothing else reads them before: cpp-httplib 0.11.4 takes heads without end, skips lines
/// that it does not understand, and takes a damaged chunk for the end of the answer.
///
/// By RFC 9112, and stricter than a browser: interim answers and head together have up to 16 KiB,
/// lines end in CRLF, there is no transfer coding but chunked, and one Content-Length of digits,
/// also where a second one would say the same.
class AnswerFraming {
 public:
  explicit AnswerFraming(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  /// Returns what may be read of the answer so far: its head once it is whole, then its body.
  Result<std::string> take(std::string_view bytes);

  /// The sender has closed. An error where that leaves the answer unfinished.
  [[nodiscard]] std::optional<Error> close();

  /// A byte of it has come.
  [[nodiscard]] bool has_begun() const { return has_begun_; }

  /// It is all here.
  [[nodiscard]] bool is_complete() const { return state_ == State::kDone; }

  /// True if another request may follow on the same connection.
  [[nodiscard]] bool keeps_connection() const { return is_complete() && keeps_connection_; }

  /// Whether the body of an answer of `status` is read: 422 has the API server's Status, which says
  /// which field it does not take. The connection ends where a body is not read.
  static bool reads_body(int status) { return status / 100 == 2 || status == 422; }

 private:
  enum class State {
    kHead,
    kLength,      ///< In a body of a known length.
    kUntilClose,  ///< In a body that ends with the connection.
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailer,
    kUnread,  ///< Behind the head of an answer whose body is not read.
    kDone,
  };

  // Each of these returns false when `error_` is set; those with `passed` append to it.
  bool take_data(std::string_view& bytes, std::string& passed);
  bool take_part_of_line(std::string_view& bytes, std::string& passed);
  bool take_line(std::string_view line, std::string& passed);
  bool take_head_line(std::string_view line, std::string& passed);
  bool take_status_line(std::string_view line);
  bool take_header(std::string_view line);
  bool end_head(std::string& passed);
  bool take_chunk_size(std::string_view line, std::string& passed);
  bool begin_data(State state, std::size_t bytes);
  bool refuse(std::string why);

  std::size_t max_body_bytes_;
  State state_ = State::kHead;
  bool has_begun_ = false;
  bool keeps_connection_ = false;

  std::string line_;            // the part that is here
  std::size_t line_bytes_ = 0;  // of all lines of the head, or of the one that is read
  std::size_t body_bytes_ = 0;
  std::size_t left_ = 0;  // of the body or of the chunk

  std::string head_;  // without what nobody reads
  int status_ = 0;
  bool chunked_ = false;
  std::optional<std::size_t> content_length_;

  Error error_;
};

}  // namespace webhook
