#include "http/connection_table.h"

namespace webhook {
namespace {

Candidate describe(ConnectionTable::Id id, const ConnectionTable::Slot& slot) {
  const Connection& connection = slot.connection;
  return {.id = id,
          .group = slot.group,
          .is_proven = connection.is_proven(),
          .is_unfinished = connection.is_unfinished(),
          .accepted = connection.accepted(),
          .idle_since = connection.idle_since()};
}

}  // namespace

ConnectionTable::Id ConnectionTable::add(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  connections_.emplace(next_id_, entry);
  return next_id_++;
}

ConnectionTable::Entry ConnectionTable::find(Id id) const {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second;
}

std::size_t ConnectionTable::size() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

std::vector<std::pair<ConnectionTable::Id, ConnectionTable::Entry>> ConnectionTable::snapshot()
    const {
  const std::lock_guard lock(mutex_);
  return {connections_.begin(), connections_.end()};
}

void ConnectionTable::end(Id id, Slot& slot, CloseCause cause) {
  const bool is_cut_short = slot.connection.is_in_handshake();
  slot.connection.close();
  {
    const std::lock_guard lock(mutex_);
    connections_.erase(id);
  }
  if (observer_.on_closed) observer_.on_closed(cause);
  if (cause != CloseCause::kHandshake || !observer_.on_handshake_failed) return;
  observer_.on_handshake_failed(is_cut_short ? HandshakeFailure::kTimeout
                                             : slot.connection.why_handshake_failed());
}

void ConnectionTable::count_refused() const {
  if (observer_.on_closed) observer_.on_closed(CloseCause::kNoRoom);
}

void ConnectionTable::end_where(const Due& is_due) {
  for (const auto& [id, slot] : snapshot()) {
    // Whoever holds it is at work on it, so that it is not due.
    const std::unique_lock lock(slot->mutex, std::try_to_lock);
    if (!lock || slot->connection.is_closed()) continue;
    if (const auto cause = is_due(slot->connection)) end(id, *slot, *cause);
  }
}

bool ConnectionTable::make_room() {
  return evict(std::nullopt, rule_, [](const Connection&) { return true; });
}

bool ConnectionTable::free_memory(Id asker) {
  EvictionRule rule = rule_;
  const Entry slot = find(asker);
  rule.displaces_young = slot && slot->connection.is_proven();
  return evict(asker, rule, [](const Connection& connection) {
    return connection.holds_body() || !connection.is_proven();
  });
}

bool ConnectionTable::evict(std::optional<Id> asker, const EvictionRule& rule,
                            const Filter& may_go) {
  std::vector<Candidate> candidates;
  for (const auto& [id, slot] : snapshot()) {
    if (id == asker) continue;
    const std::unique_lock lock(slot->mutex, std::try_to_lock);
    if (!lock || slot->connection.is_closed() || !may_go(slot->connection)) continue;
    candidates.push_back(describe(id, *slot));
  }
  while (const auto victim = choose_victim(candidates, Clock::now(), rule)) {
    const Entry slot = find(victim->id);
    if (slot) {
      const std::unique_lock lock(slot->mutex, std::try_to_lock);
      // It may have become of use since it was looked at, or be about to: its request is there.
      const bool is_as_it_was = lock && describe(victim->id, *slot) == *victim &&
                                (victim->is_unfinished || !slot->connection.has_unread());
      if (is_as_it_was) {
        end(victim->id, *slot, CloseCause::kEvicted);
        return true;
      }
    }
    std::erase(candidates, *victim);
  }
  return false;
}

}  // namespace webhook
