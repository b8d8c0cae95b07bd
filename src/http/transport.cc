#include "http/transport.h"

#include <openssl/crypto.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace webhook {
namespace {

// What an event is about; connections count from behind these.
constexpr std::uint64_t kListener = 0;
constexpr std::uint64_t kWake = 1;
constexpr std::uint64_t kFirstConnection = 2;

constexpr std::chrono::milliseconds kSweepInterval{100};
/// For the first request of a connection that was accepted just before the drain.
constexpr std::chrono::milliseconds kFirstRequestGrace{1'500};

/// For TCP handshakes that have begun: a round trip in a cluster, with room to spare.
constexpr std::chrono::milliseconds kHandshakeGrace{100};

bool watch(const FileDescriptor& epoll, int operation, int fd, std::uint32_t events,
           std::uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return ::epoll_ctl(epoll.get(), operation, fd, &event) == 0;
}

}  // namespace

int default_workers() {
  int processors = static_cast<int>(std::thread::hardware_concurrency());
  double quota = 0;
  double period = 0;
  if (std::ifstream cpu_max("/sys/fs/cgroup/cpu.max"); cpu_max >> quota >> period && period > 0) {
    processors = std::min(processors, static_cast<int>(std::lround(quota / period)));
  }
  return std::max(processors, 2);
}

Transport::Transport(TransportOptions options)
    : options_(std::move(options)),
      listener_(listen_on(options_.address)),
      address_(local_address(listener_)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      next_id_(kFirstConnection) {
  // OpenSSL writes with write(2): a peer that is gone must be an error, not the end.
  (void)std::signal(SIGPIPE, SIG_IGN);
  if (!watch(epoll_, EPOLL_CTL_ADD, wake_.get(), EPOLLIN, kWake) ||
      !watch(epoll_, EPOLL_CTL_ADD, listener_.get(), EPOLLIN | EPOLLONESHOT, kListener)) {
    throw std::runtime_error("listen '" + options_.address + "': epoll cannot watch it");
  }
}

Transport::~Transport() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
  close_where([](const Connection&) { return true; });
}

void Transport::start() {
  const int workers = options_.workers > 0 ? options_.workers : default_workers();
  for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this](const std::stop_token& stop) { sweep(stop); });
}

void Transport::work() {
  for (;;) {
    epoll_event event{};
    if (::epoll_wait(epoll_.get(), &event, 1, -1) <= 0) continue;
    if (event.data.u64 == kWake) break;  // level-triggered: every worker sees it
    if (event.data.u64 == kListener) {
      accept_all();
    } else {
      advance(event.data.u64);
    }
  }
  OPENSSL_thread_stop();
}

void Transport::sweep(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex);
    woken.wait_for(lock, stop, kSweepInterval, [] { return false; });
    const auto now = Clock::now();
    close_where([&](const Connection& connection) { return connection.has_expired(now); });
    const std::lock_guard accept_lock(accept_mutex_);
    if (std::exchange(is_accept_paused_, false)) arm_listener();
  }
}

/// Accepts what waits, then arms the listener again. Without descriptors, and with no connection to
/// give up, those that wait stay in the kernel's queue until the next sweep.
void Transport::accept_all() {
  const std::lock_guard lock(accept_mutex_);
  if (listener_.get() < 0) return;
  for (;;) {
    FileDescriptor socket(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() >= 0) {
      add(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (make_room()) continue;
      is_accept_paused_ = true;
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    }  // else the connection it was about is gone already
  }
  arm_listener();
}

void Transport::arm_listener() {
  watch(epoll_, EPOLL_CTL_MOD, listener_.get(), EPOLLIN | EPOLLONESHOT, kListener);
}

/// Gives up the connection that has kept us waiting longest for its handshake or request, so that
/// those who only hold connections open cannot lock out the others. False if there is none.
bool Transport::make_room() {
  std::optional<std::pair<Id, Entry>> victim;
  auto earliest = Clock::time_point::max();
  for (auto& entry : snapshot()) {
    const std::unique_lock lock(entry.second->mutex, std::try_to_lock);
    const Connection& connection = entry.second->connection;
    if (!lock || !connection.keeps_us_waiting() || connection.deadline() >= earliest) continue;
    earliest = connection.deadline();
    victim = entry;
  }
  if (!victim) return false;
  const std::lock_guard lock(victim->second->mutex);
  victim->second->connection.close();
  forget(victim->first);
  return true;
}

void Transport::add(FileDescriptor socket) {
  SslPtr ssl;
  if (options_.tls) {
    const auto context = options_.tls();
    ssl.reset(context ? SSL_new(context.get()) : nullptr);
    if (!ssl) return;
  }
  const Entry slot(new Slot{
      .mutex = {}, .connection{std::move(socket), std::move(ssl), options_.connection, buffered_}});
  if (open_connections() >= options_.max_connections && !make_room()) return;
  Id id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_id_++;
    connections_.emplace(id, slot);
  }
  const std::lock_guard lock(slot->mutex);
  arm(id, slot->connection, Connection::Wants::kRead, EPOLL_CTL_ADD);
}

void Transport::advance(Id id) {
  Entry slot;
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    slot = found->second;
  }
  const std::lock_guard lock(slot->mutex);
  Connection& connection = slot->connection;
  if (connection.is_closed()) return;
  const auto wants = connection.advance();
  if (wants == Connection::Wants::kClose) {
    connection.close();
    forget(id);
  } else {
    arm(id, connection, wants, EPOLL_CTL_MOD);
  }
}

void Transport::arm(Id id, const Connection& connection, Connection::Wants wants, int operation) {
  epoll_event event{};
  event.events =
      (wants == Connection::Wants::kWrite ? EPOLLOUT : EPOLLIN) | EPOLLRDHUP | EPOLLONESHOT;
  event.data.u64 = id;
  // Fails only without memory; the deadline then ends the connection.
  ::epoll_ctl(epoll_.get(), operation, connection.fd(), &event);
}

void Transport::forget(Id id) {
  const std::lock_guard lock(mutex_);
  connections_.erase(id);
}

std::vector<std::pair<Transport::Id, Transport::Entry>> Transport::snapshot() const {
  const std::lock_guard lock(mutex_);
  return {connections_.begin(), connections_.end()};
}

template <class Ended>
void Transport::close_where(Ended ended) {
  for (const auto& [id, slot] : snapshot()) {
    // Whoever holds it is at work on it, so that it has not expired.
    const std::unique_lock lock(slot->mutex, std::try_to_lock);
    if (!lock || !ended(slot->connection)) continue;
    slot->connection.close();
    forget(id);
  }
}

bool Transport::drain(std::chrono::milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  stop_accepting();
  while (open_connections() > 0) {
    const auto now = Clock::now();
    if (now >= end) return false;
    close_where(
        [&](const Connection& connection) { return connection.is_idle(now, kFirstRequestGrace); });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void Transport::stop_accepting() {
  stop_answering(listener_);
  std::this_thread::sleep_for(kHandshakeGrace);
  accept_all();
  const std::lock_guard lock(accept_mutex_);
  listener_.reset();
}

std::size_t Transport::open_connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

}  // namespace webhook
