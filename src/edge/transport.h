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

#include "edge/connection.h"
#include "edge/listen_socket.h"

namespace webhook {

struct TransportOptions {
  std::string address;
  std::size_t max_connections = 2000;
  int workers = 0;  ///< 0: default_workers().
  std::function<std::shared_ptr<SSL_CTX>()> tls;
  ConnectionContext connection;  ///< `is_draining` is filled in by the transport.
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

  [[nodiscard]] std::string address() const { return local_address(listener_); }
  void start();
  void begin_drain() { is_draining_ = true; }
  bool drain(std::chrono::milliseconds timeout);
  [[nodiscard]] std::size_t open_connections() const;

 private:
  using Id = std::uint64_t;
  using Entry = std::shared_ptr<Connection>;

  void work();
  void sweep(const std::stop_token& stop);
  void accept_all();
  bool make_room_for_one();
  void add(FileDescriptor socket);
  void advance(Id id);
  void arm(Id id, const Connection& connection, Connection::Wants wants, int operation);
  void forget(Id id);
  std::vector<std::pair<Id, Entry>> snapshot() const;
  template <class Ended>
  void close_where(Ended ended);

  TransportOptions options_;
  FileDescriptor listener_;
  FileDescriptor epoll_;
  FileDescriptor wake_;     ///< eventfd: readable once the workers are to end.
  FileDescriptor reserve_;  ///< Given up to accept and close when descriptors run out.
  std::atomic<bool> is_draining_{false};
  std::atomic<bool> is_accepting_{true};

  mutable std::mutex mutex_;  ///< Of what follows.
  std::unordered_map<Id, Entry> connections_;
  Id next_id_;

  std::mutex accept_mutex_;
  std::vector<std::jthread> threads_;
};

}  // namespace webhook
