#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/connection.h"
#include "http/eviction.h"

namespace webhook {

/// Who is told of ends; called on any thread; each may be empty.
struct ConnectionObserver {
  std::function<void(CloseCause)> on_closed = {};
  std::function<void(HandshakeFailure)> on_handshake_failed = {};
};

/// The open connections of a listener, and who of them gives way. Thread-safe.
class ConnectionTable {
 public:
  using Id = std::uint64_t;

  struct Slot {
    Slot(Stream stream, const ConnectionContext& context, const PeerGroup& from)
        : connection(std::move(stream), context), group(from) {}

    std::mutex mutex;  ///< Whoever has a connection to do with holds it.
    Connection connection;
    const PeerGroup group;
    int watched_by = -1;  ///< The epoll instance that waits for it.
  };
  using Entry = std::shared_ptr<Slot>;

  /// Ids count from `first_id`.
  ConnectionTable(Id first_id, const EvictionRule& rule, ConnectionObserver observer)
      : rule_(rule), observer_(std::move(observer)), next_id_(first_id) {}

  Id add(const Entry& entry);
  [[nodiscard]] Entry find(Id id) const;
  [[nodiscard]] std::size_t size() const;

  /// Closes and forgets it; `slot` is locked by the caller.
  void end(Id id, Slot& slot, CloseCause cause);

  /// Tells that a newcomer was turned away.
  void count_refused() const;

  /// Those that `is_due` holds for, and that nobody is at work on, with the cause that it gives.
  using Due = std::function<std::optional<CloseCause>(const Connection&)>;
  void end_where(const Due& is_due);

  /// Ends the connection that gives way to a newcomer. False: none does.
  bool make_room();

  /// Ends one that holds memory for a body, or that has been of no use yet, for a body of `asker`,
  /// whose lock the caller holds. Only for one that is proven a young one: a body may need the room
  /// of many. False: there is none.
  bool free_memory(Id asker);

 private:
  using Filter = std::function<bool(const Connection&)>;
  bool evict(std::optional<Id> asker, const EvictionRule& rule, const Filter& may_go);
  [[nodiscard]] std::vector<std::pair<Id, Entry>> snapshot() const;

  const EvictionRule rule_;
  const ConnectionObserver observer_;
  mutable std::mutex mutex_;  ///< Of what follows.
  std::unordered_map<Id, Entry> connections_;
  Id next_id_;
};

}  // namespace webhook
