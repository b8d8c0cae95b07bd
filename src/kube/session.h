#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/deadline_socket.h"
#include "kube/http_exchange.h"
#include "kube/kubeconfig.h"
#include "tls/openssl.h"

namespace webhook {

/// What bounds one call.
struct CallLimits {
  DeadlineSocket::Clock::time_point deadline;  ///< Of all of it, connecting included.
  std::size_t max_body_bytes = 0;
  std::stop_token stop = {};
};

/// One connection to an API server, opened by the first request. Used by one thread at a time.
class KubeSession {
 public:
  using Context = std::shared_ptr<SSL_CTX>;

  KubeSession(const KubeAccess& access, Context context)
      : access_(access), context_(std::move(context)) {}

  Result<HttpResponse> send(const WireRequest& request, const CallLimits& limits,
                            const BodyReceiver* receiver = nullptr);

  /// True if the last answer leaves room for another request.
  [[nodiscard]] bool may_go_on() const { return may_go_on_; }

  /// True if the last request failed because the server had closed the connection before: it heard
  /// nothing of it.
  [[nodiscard]] bool was_closed_before() const { return was_closed_before_; }

  /// False once the server has closed, or has said something that it was not asked.
  [[nodiscard]] bool is_quiet() const;

  [[nodiscard]] const Context& context() const { return context_; }

  /// For a body that takes longer than its head: see DeadlineSocket.
  void begin_stream(DeadlineSocket::Clock::time_point deadline,
                    std::chrono::milliseconds gathering) {
    socket_.set_deadline(deadline);
    socket_.set_gathering(gathering);
  }

 private:
  std::optional<Error> open();
  /// Valid until the next read.
  Result<std::string_view> read_some();
  std::optional<Error> write(std::string_view bytes);
  [[nodiscard]] std::string failure() const;

  const KubeAccess& access_;
  Context context_;
  DeadlineSocket socket_;
  SslPtr ssl_;                                      ///< After `socket_`, which its BIO uses.
  std::string buffer_ = std::string(16'384, '\0');  ///< Holds a TLS record.
  bool may_go_on_ = false;
  bool was_closed_before_ = false;
};

}  // namespace webhook
