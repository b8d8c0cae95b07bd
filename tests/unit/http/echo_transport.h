#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "http/transport.h"

namespace webhook::test {

/// A request with `body`.
inline std::string post(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

inline MemoryBudget& plenty() {
  static MemoryBudget budget(std::size_t{256} << 20U);
  return budget;
}

/// Answers "[body]"; takes bodies at "/" only. Who says "prove" in its body is proven.
inline TransportOptions echo() {
  return {.address = "127.0.0.1:0",
          .workers = 2,
          .tls = {},
          .connection = {.deadlines = {},
                         .max_body_bytes = std::size_t{1} << 20U,
                         .memory = &plenty(),
                         .refuse_body = [](const Framed& head) -> std::optional<std::string> {
                           if (head.path == "/") return std::nullopt;
                           return "no body at " + std::string(head.path);
                         },
                         .respond =
                             [](const RawRequest& request) {
                               return RawAnswer{.bytes = '[' + std::string(request.body) + ']',
                                                .closes = !request.head.keeps_alive,
                                                .proves = request.body == "prove"};
                             },
                         .refuse =
                             [](const Refusal& refusal) {
                               return "refused " + std::to_string(refusal.status);
                             }}};
}

/// Counts what an observer is told.
class Causes {
 public:
  ConnectionObserver observer() {
    return {.on_closed = [this](CloseCause cause) { add(to_string(cause)); },
            .on_handshake_failed =
                [this](HandshakeFailure why) { add("handshake " + std::string(to_string(why))); }};
  }
  [[nodiscard]] int count(const std::string& cause) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(cause);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  void add(std::string_view cause) {
    const std::lock_guard lock(mutex_);
    ++counts_[std::string(cause)];
  }

  mutable std::mutex mutex_;
  std::map<std::string, int> counts_;
};

/// An echo with a budget of its own, which starts at once, and what its observers are told.
struct Served {
  using Change = std::function<void(TransportOptions&)>;

  explicit Served(const Change& change, std::size_t bytes, std::size_t headroom = 0)
      : budget(bytes, headroom), transport(make(change)) {
    transport.start();
  }

  [[nodiscard]] const std::string& address() const { return transport.address(); }

  MemoryBudget budget;
  Causes causes;
  std::atomic<int> bugs{0};
  Transport transport;

 private:
  TransportOptions make(const Change& change) {
    TransportOptions options = echo();
    options.connection.memory = &budget;
    options.observer = causes.observer();
    options.on_bug = [this](std::string_view) { ++bugs; };
    if (change) change(options);
    return options;
  }
};

}  // namespace webhook::test
