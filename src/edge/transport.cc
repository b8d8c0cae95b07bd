#include "edge/transport.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

FileDescriptor open_reserve() { return FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

void watch(const FileDescriptor& epoll, int fd, std::uint32_t events, std::uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::runtime_error("epoll: cannot watch a socket");
  }
}

}  // namespace

int default_workers() {
  int processors = static_cast<int>(std::thread::hardware_concurrency());
  double quota = 0;
  double period = 0;
  if (std::ifstream cpu_max("/sys/fs/cgroup/cpu.max"); cpu_max >> quota >> period && period > 0) {
    processors = std::min(processors, static_cast<int>(quota / period + 0.5));
  }
  return std::max(processors, 2);
}

Transport::Transport(TransportOptions options)
    : options_(std::move(options)),
      listener_(listen_on(options_.address)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      reserve_(open_reserve()),
      next_id_(kFirstConnection) {
  // OpenSSL writes with write(2): a peer that is gone must be an error, not the end.
  (void)std::signal(SIGPIPE, SIG_IGN);
  options_.connection.is_draining = [this] { return is_draining_.load(); };
  watch(epoll_, listener_.get(), EPOLLIN | EPOLLEXCLUSIVE, kListener);
  watch(epoll_, wake_.get(), EPOLLIN, kWake);
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
  }
}

void Transport::accept_all() {
  const std::lock_guard lock(accept_mutex_);
  while (is_accepting_) {
    FileDescriptor socket(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() >= 0) {
      add(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!make_room_for_one()) return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

/// Out of descriptors: takes the waiting connection with the reserved one and closes it, so that
/// the listener does not stay readable for ever and its peer is not left hanging.
bool Transport::make_room_for_one() {
  reserve_.reset();
  FileDescriptor refused(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const bool was_there = refused.get() >= 0;
  refused.reset();
  reserve_ = open_reserve();
  return was_there;
}

void Transport::add(FileDescriptor socket) {
  SslPtr ssl;
  if (options_.tls) {
    const auto context = options_.tls();
    ssl.reset(context ? SSL_new(context.get()) : nullptr);
    if (!ssl) return;
  }
  auto connection =
      std::make_shared<Connection>(std::move(socket), std::move(ssl), options_.connection);
  Id id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (connections_.size() >= options_.max_connections) return;
    id = next_id_++;
    connections_.emplace(id, connection);
  }
  const std::lock_guard lock(connection->mutex);
  arm(id, *connection, Connection::Wants::kRead, EPOLL_CTL_ADD);
}

void Transport::advance(Id id) {
  Entry connection;
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    connection = found->second;
  }
  const std::lock_guard lock(connection->mutex);
  if (connection->is_closed()) return;
  const auto wants = connection->advance();
  if (wants == Connection::Wants::kClose) {
    connection->close();
    forget(id);
  } else {
    arm(id, *connection, wants, EPOLL_CTL_MOD);
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
  for (const auto& [id, connection] : snapshot()) {
    // Whoever holds it is at work on it, so that it has not expired.
    const std::unique_lock lock(connection->mutex, std::try_to_lock);
    if (!lock || !ended(*connection)) continue;
    connection->close();
    forget(id);
  }
}

bool Transport::drain(std::chrono::milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  is_draining_ = true;
  accept_all();  // what the kernel has already accepted for us
  {
    const std::lock_guard lock(accept_mutex_);
    is_accepting_ = false;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
    listener_.reset();
  }
  while (open_connections() > 0) {
    const auto now = Clock::now();
    if (now >= end) return false;
    close_where(
        [&](const Connection& connection) { return connection.is_idle(now, kFirstRequestGrace); });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::size_t Transport::open_connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

}  // namespace webhook
