#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/connection_table.h"
#include "http/listen_socket.h"

namespace webhook {

struct TransportOptions {
  std::string address;
  std::size_t max_connections = 2000;
  EvictionRule eviction = {};  ///< At that limit, or at another one.
  int workers = 0;             ///< 0: default_workers().
  std::function<std::shared_ptr<SSL_CTX>()> tls;
  ConnectionContext connection;
  /// How long a drain waits for the other side, in all: as long as API servers wait for us
  /// (timeoutSeconds of manifests/base). Later, nobody needs the answer.
  std::chrono::milliseconds grace{5'000};
  ConnectionObserver observer = {};
  std::function<void(std::string_view what)> on_bug = {};  ///< Something threw; may be empty.
};

/// As many threads as the container may use processors (cgroup v2 cpu.max, else the machine's), at
/// least 2.
int default_workers();

/// Moves bytes between sockets and a function that answers requests. Workers wait on one epoll
/// instance; a connection is armed for one event at a time, so that one worker has it, and an idle
/// or half-open one holds no thread. Handshakes, which cost most, wait in an instance of their own,
/// of which a worker takes one at a time between other events: a flood of them keeps no open
/// connection waiting.
class Transport {
 public:
  /// Binds. Throws std::runtime_error.
  explicit Transport(TransportOptions options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  void start();

  /// Stops accepting, closes idle connections, lets requests in flight finish, those that still
  /// arrive within TransportOptions::grace. False: some were cut off after `timeout`. Loses no
  /// connection that a client has seen accepted.
  bool drain(std::chrono::milliseconds timeout);
  [[nodiscard]] std::size_t open_connections() const { return connections_.size(); }

 private:
  using Id = ConnectionTable::Id;
  using Slot = ConnectionTable::Slot;

  void work();
  void take_turn(Id id);
  void shake_one_hand();
  void sweep(const std::stop_token& stop);
  void accept_some(bool all);
  bool accept_one();
  void stop_accepting();
  void arm_listener();
  void add(FileDescriptor socket, const PeerGroup& group);
  void advance(Id id);
  [[nodiscard]] bool arm(Id id, Slot& slot, Connection::Wants wants);
  template <class Task>
  bool guard(std::string_view what, Task task);

  TransportOptions options_;
  std::mutex accept_mutex_;  ///< Of `listener_` and `is_accept_paused_`.
  FileDescriptor listener_;
  bool is_accept_paused_ = false;
  const std::string address_;
  FileDescriptor epoll_;
  FileDescriptor handshakes_;  ///< Watched by epoll_.
  FileDescriptor wake_;        ///< eventfd: readable once the workers are to end.
  ConnectionTable connections_;
  std::vector<std::jthread> threads_;
};

}  // namespace webhook
