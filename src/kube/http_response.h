#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/result.h"

namespace webhook {

struct HttpResponse {
  int status = 0;
  std::string body;  ///< Empty unless the status is 200, 201 or 422: nothing else is read.
};

/// The bytes that arrived next, empty once the sender has closed.
using ReadSome = std::function<Result<std::string>()>;

/// Reads the answer to one request that said `Connection: close`, by RFC 9112: body by chunks, by
/// Content-Length, or up to the end. Stricter than a browser: head up to 16 KiB, lines end in CRLF,
/// no other transfer coding, one Content-Length of digits only.
Result<HttpResponse> read_http_response(const ReadSome& read_some, std::size_t max_body_bytes);

}  // namespace webhook
