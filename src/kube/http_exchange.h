#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kube/answer_framing.h"

namespace webhook {

struct WireRequest {
  std::string method = "GET";
  std::string path = "/";  ///< With the query, both encoded already.
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< Host is one of them.
  std::string body = {};
};

struct HttpResponse {
  int status = 0;
  std::string body = {};  ///< Empty where AnswerFraming::reads_body() is false, and of a stream.
  std::string date = {};  ///< The header Date as it came: the server's clock; empty without one.
};

/// A connection: the bytes that arrived next, valid until the next read, and empty once the sender
/// has closed; and how to send.
struct ByteChannel {
  std::function<Result<std::string_view>()> read;
  std::function<std::optional<Error>(std::string_view)> write;
};

/// Who takes a body that is read, piece by piece. `take` returns false to end the exchange there:
/// that is no error. `begin` is called before.
struct BodyReceiver {
  std::function<void()> begin = [] {};
  std::function<bool(std::string_view)> take;
};

/// One request and its answer over `channel`, spoken by cpp-httplib; `framing` checks the answer
/// and has its limits, and says afterwards whether another request may follow. Without `receiver`
/// the body is in the result.
Result<HttpResponse> exchange_http(const ByteChannel& channel, const WireRequest& request,
                                   AnswerFraming& framing, const BodyReceiver* receiver = nullptr);

}  // namespace webhook
