#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/connection.h"
#include "http/listen_socket.h"

namespace webhook {

struct TransportOptions {
  std::string address;
  std::size_t max_connections = 2000;
  int workers = 0;  ///< 0: default_workers().
  std::function<std::shared_ptr<SSL_CTX>()> tls;
  ConnectionContext connection;
};

/// As many threads as the container may use processors (cgroup v2 cpu.max, else the machine's), at
/// least 2.
int default_workers();

/// Moves bytes between sockets and a function that answers requests. Workers wait on one epoll
/// instance; a connection is armed for one event at a time, so that one worker has it, and an idle
/// or half-open one holds no thread.
class Transport {
 public:
  /// Binds. Throws std::runtime_error.
  explicit Transport(TransportOptions options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  void start();

  /// Stops accepting, closes idle connections, lets requests in flight finish. False: some were cut
  /// off after `timeout`. Loses no connection that a client has seen accepted.
  bool drain(std::chrono::milliseconds timeout);
  [[nodiscard]] std::size_t open_connections() const;

 private:
  using Id = std::uint64_t;
  struct Slot {
    std::mutex mutex;  ///< Whoever has a connection to do with holds it.
    Connection connection;
  };
  using Entry = std::shared_ptr<Slot>;

  void work();
  void sweep(const std::stop_token& stop);
  void accept_all();
  void stop_accepting();
  void arm_listener();
  bool make_room();
  void add(FileDescriptor socket);
  void advance(Id id);
  void arm(Id id, const Connection& connection, Connection::Wants wants, int operation);
  void forget(Id id);
  std::vector<std::pair<Id, Entry>> snapshot() const;
  template <class Ended>
  void close_where(Ended ended);

  TransportOptions options_;
  std::mutex accept_mutex_;  ///< Of `listener_` and `is_accept_paused_`.
  FileDescriptor listener_;
  bool is_accept_paused_ = false;
  const std::string address_;
  FileDescriptor epoll_;
  FileDescriptor wake_;  ///< eventfd: readable once the workers are to end.
  std::atomic<std::size_t> buffered_{0};

  mutable std::mutex mutex_;  ///< Of what follows.
  std::unordered_map<Id, Entry> connections_;
  Id next_id_;

  std::vector<std::jthread> threads_;
};

}  // namespace webhook
