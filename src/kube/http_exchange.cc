#include "kube/http_exchange.h"

#include <algorithm>
#include <cstring>

#include <httplib.h>

namespace webhook {
namespace {

/// What cpp-httplib reads and writes: of the answer only what AnswerFraming has passed.
class AnswerStream : public httplib::Stream {
 public:
  AnswerStream(const ByteChannel& channel, AnswerFraming& framing)
      : channel_(channel), framing_(framing) {}

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  [[nodiscard]] socket_t socket() const override { return INVALID_SOCKET; }

  ssize_t read(char* to, size_t size) override {
    while (taken_ == passed_.size()) {
      if (failure_) return -1;
      if (has_ended_ || framing_.is_complete()) return 0;
      fill();
    }
    const std::size_t count = std::min(size, passed_.size() - taken_);
    std::memcpy(to, passed_.data() + taken_, count);
    taken_ += count;
    return static_cast<ssize_t>(count);
  }

  ssize_t write(const char* bytes, size_t size) override {
    if (!failure_) failure_ = channel_.write({bytes, size});
    return failure_ ? -1 : static_cast<ssize_t>(size);
  }

  /// Why the bytes stopped coming, or are not an answer.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  void fill() {
    const auto bytes = channel_.read();
    if (!bytes) {
      failure_ = bytes.error();
      return;
    }
    has_ended_ = bytes->empty();
    auto passed = has_ended_ ? Result<std::string>(std::string()) : framing_.take(*bytes);
    if (has_ended_) failure_ = framing_.close();
    if (!passed) failure_ = passed.error();
    passed_ = passed ? std::move(*passed) : std::string();
    taken_ = 0;
  }

  const ByteChannel& channel_;
  AnswerFraming& framing_;
  std::string passed_;
  std::size_t taken_ = 0;  ///< Of `passed_`.
  bool has_ended_ = false;
  std::optional<Error> failure_;
};

/// For its protected process_request(); it has no socket and opens none.
class Speaker : public httplib::ClientImpl {
 public:
  Speaker() : ClientImpl("unused") {
    set_url_encode(false);
    set_decompress(false);
  }

  bool ask(AnswerStream& stream, httplib::Request& request, httplib::Response& response) {
    httplib::Error error = httplib::Error::Success;
    return process_request(stream, request, response, false, error);
  }
};

httplib::Request to_httplib(const WireRequest& request) {
  httplib::Request wire;
  wire.method = request.method;
  wire.path = request.path;
  for (const auto& [name, value] : request.headers) wire.set_header(name, value);
  wire.body = request.body;
  return wire;
}

}  // namespace

Result<HttpResponse> exchange_http(const ByteChannel& channel, const WireRequest& request,
                                   AnswerFraming& framing, const BodyReceiver* receiver) {
  HttpResponse response;
  bool is_ended_by_us = false;
  httplib::Request wire = to_httplib(request);
  wire.response_handler = [&](const httplib::Response& head) {
    is_ended_by_us = !AnswerFraming::reads_body(head.status);
    if (!is_ended_by_us && receiver != nullptr) receiver->begin();
    return !is_ended_by_us;
  };
  wire.content_receiver = [&](const char* bytes, std::size_t size, auto, auto) {
    if (receiver == nullptr) {
      response.body.append(bytes, size);
    } else {
      is_ended_by_us = !receiver->take({bytes, size});
    }
    return !is_ended_by_us;
  };

  AnswerStream stream(channel, framing);
  httplib::Response head;
  const bool is_done = Speaker().ask(stream, wire, head);
  if (stream.failure()) return *stream.failure();
  // The framing lets nothing through that cpp-httplib does not take.
  if (!is_done && !is_ended_by_us) return Error{"not an HTTP answer"};
  response.status = head.status;
  response.date = head.get_header_value("Date");
  return response;
}

}  // namespace webhook
