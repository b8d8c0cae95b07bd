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
#include <exception>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace webhook {
namespace {

// What an event is about; connections count from behind these.
constexpr std::uint64_t kListener = 0;
constexpr std::uint64_t kWake = 1;
constexpr std::uint64_t kHandshakes = 2;
constexpr std::uint64_t kFirstConnection = 3;

constexpr std::chrono::milliseconds kSweepInterval{100};

/// For TCP handshakes that have begun: a round trip in a cluster, with room to spare.
constexpr std::chrono::milliseconds kHandshakeGrace{100};

/// Accepted in one turn of a worker, so that a flood of newcomers keeps nobody waiting.
constexpr int kAcceptsPerTurn = 16;

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
      handshakes_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      connections_(kFirstConnection, options_.eviction, options_.observer) {
  // OpenSSL writes with write(2): a peer that is gone must be an error, not the end.
  (void)std::signal(SIGPIPE, SIG_IGN);
  if (!watch(epoll_, EPOLL_CTL_ADD, wake_.get(), EPOLLIN, kWake) ||
      !watch(epoll_, EPOLL_CTL_ADD, handshakes_.get(), EPOLLIN, kHandshakes) ||
      !watch(epoll_, EPOLL_CTL_ADD, listener_.get(), EPOLLIN | EPOLLONESHOT, kListener)) {
    throw std::runtime_error("listen '" + options_.address + "': epoll cannot watch it");
  }
}

Transport::~Transport() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
  connections_.end_where([](const Connection&) { return CloseCause::kDrain; });
}

void Transport::start() {
  const int workers = options_.workers > 0 ? options_.workers : default_workers();
  for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this](const std::stop_token& stop) { sweep(stop); });
}

/// Runs `task`. False: it threw, which is said and ends nothing else.
template <class Task>
bool Transport::guard(std::string_view what, Task task) {
  std::string why;
  try {
    task();
    return true;
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "unknown exception";
  }
  if (options_.on_bug) options_.on_bug(std::string(what) + ": " + why);
  return false;
}

void Transport::work() {
  for (;;) {
    epoll_event event{};
    if (::epoll_wait(epoll_.get(), &event, 1, -1) <= 0) continue;
    if (event.data.u64 == kWake) break;  // level-triggered: every worker sees it
    take_turn(event.data.u64);
  }
  OPENSSL_thread_stop();
}

void Transport::take_turn(Id id) {
  if (id == kHandshakes) return shake_one_hand();
  if (id != kListener) return advance(id);
  if (guard("accepting connections failed", [this] { accept_some(false); })) return;
  const std::lock_guard lock(accept_mutex_);
  is_accept_paused_ = true;  // the next sweep tries again
}

void Transport::shake_one_hand() {
  epoll_event event{};
  if (::epoll_wait(handshakes_.get(), &event, 1, 0) == 1) advance(event.data.u64);
}

void Transport::sweep(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex);
    woken.wait_for(lock, stop, kSweepInterval, [] { return false; });
    guard("looking for expired connections failed", [this, now = Clock::now()] {
      connections_.end_where([now](const Connection& connection) {
        return connection.has_expired(now) ? std::optional(connection.expiry_cause())
                                           : std::nullopt;
      });
    });
    const std::lock_guard accept_lock(accept_mutex_);
    if (std::exchange(is_accept_paused_, false)) arm_listener();
  }
}

/// Accepts what waits, a turn's worth or all of it, and arms the listener again. Without
/// descriptors, and with no connection to give up, those that wait stay in the kernel's queue until
/// the next sweep.
void Transport::accept_some(bool all) {
  const std::lock_guard lock(accept_mutex_);
  if (listener_.get() < 0) return;
  for (int i = 0; all || i < kAcceptsPerTurn; ++i) {
    if (!accept_one()) break;
  }
  if (!is_accept_paused_) arm_listener();
}

/// False: nobody waits, or there is no room.
bool Transport::accept_one() {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  // The one cast that the sockets API asks for.
  FileDescriptor socket(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &length,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.get() >= 0) {
    add(std::move(socket), to_peer_group(from));
    return true;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    is_accept_paused_ = !connections_.make_room();
    return !is_accept_paused_;
  }
  // Of another error the connection that it was about is gone already.
  return errno != EAGAIN && errno != EWOULDBLOCK;
}

void Transport::arm_listener() {
  watch(epoll_, EPOLL_CTL_MOD, listener_.get(), EPOLLIN | EPOLLONESHOT, kListener);
}

void Transport::add(FileDescriptor socket, const PeerGroup& group) {
  SslPtr ssl;
  if (options_.tls) {
    const auto context = options_.tls();
    ssl.reset(context ? SSL_new(context.get()) : nullptr);
    if (!ssl) return connections_.count_refused();
  }
  const auto slot =
      std::make_shared<Slot>(Stream(std::move(socket), std::move(ssl)), options_.connection, group);
  const bool has_room = connections_.size() < options_.max_connections || connections_.make_room();
  const auto take_memory = [&] { return slot->connection.take_memory(); };
  if (!has_room || !(take_memory() || (connections_.make_room() && take_memory()))) {
    return connections_.count_refused();
  }
  const std::lock_guard lock(slot->mutex);
  const Id id = connections_.add(slot);
  if (!arm(id, *slot, Connection::Wants::kRead)) connections_.end(id, *slot, CloseCause::kBug);
}

void Transport::advance(Id id) {
  const auto slot = connections_.find(id);
  if (!slot) return;
  const std::lock_guard lock(slot->mutex);
  Connection& connection = slot->connection;
  if (connection.is_closed()) return;
  auto wants = Connection::Wants::kClose;
  auto cause = CloseCause::kBug;
  guard("a connection failed", [&] {
    wants = connection.advance([this, id] { return connections_.free_memory(id); });
    cause = connection.cause();
  });
  if (wants == Connection::Wants::kClose) {
    connections_.end(id, *slot, cause);
  } else if (!arm(id, *slot, wants)) {
    connections_.end(id, *slot, CloseCause::kBug);
  }
}

/// Not EPOLLRDHUP: where the other side has ended its own half and does not read, it would be true
/// at once, again and again, while we wait to write; who waits to read is told by EPOLLIN anyway.
/// False: the kernel has no room to watch it, and nobody would ever look at it again.
bool Transport::arm(Id id, Slot& slot, Connection::Wants wants) {
  const int fd = slot.connection.fd();
  const FileDescriptor& epoll = slot.connection.is_in_handshake() ? handshakes_ : epoll_;
  const bool is_there = slot.watched_by == epoll.get();
  if (slot.watched_by >= 0 && !is_there) {
    ::epoll_ctl(slot.watched_by, EPOLL_CTL_DEL, fd, nullptr);
  }
  slot.watched_by = epoll.get();
  return watch(epoll, is_there ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
               (wants == Connection::Wants::kWrite ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT, id);
}

bool Transport::drain(std::chrono::milliseconds timeout) {
  const auto began = Clock::now();
  stop_accepting();
  while (open_connections() > 0) {
    const auto now = Clock::now();
    if (now >= began + timeout) return false;
    connections_.end_where([&](const Connection& connection) {
      return connection.may_be_drained(now, began, options_.grace)
                 ? std::optional(CloseCause::kDrain)
                 : std::nullopt;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void Transport::stop_accepting() {
  stop_answering(listener_);
  std::this_thread::sleep_for(kHandshakeGrace);
  accept_some(true);
  const std::lock_guard lock(accept_mutex_);
  listener_.reset();
}

}  // namespace webhook
