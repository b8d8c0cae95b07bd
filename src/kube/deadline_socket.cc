#include "kube/deadline_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

namespace webhook {
namespace {

using AddressList = std::unique_ptr<addrinfo, OpenSslDeleter<freeaddrinfo>>;

FileDescriptor make_eventfd() {
  FileDescriptor event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (event.get() < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return event;
}

/// For poll(2), which takes no less than nothing.
int poll_time(DeadlineSocket::Clock::time_point until) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - DeadlineSocket::Clock::now());
  return static_cast<int>(std::max(left.count(), std::chrono::milliseconds::rep{0}));
}

}  // namespace

DeadlineSocket::DeadlineSocket() : stopped_(make_eventfd()) {}

void DeadlineSocket::begin(Clock::time_point deadline, std::stop_token stop) {
  on_stop_.reset();
  eventfd_t ignored = 0;
  eventfd_read(stopped_.get(), &ignored);  // what the stop of an earlier call has left
  deadline_ = deadline;
  gathering_ = {};
  stop_ = std::move(stop);
  failure_.clear();
  on_stop_.emplace(stop_, [event = stopped_.get()] { eventfd_write(event, 1); });
}

bool DeadlineSocket::is_quiet() const {
  pollfd watched{socket_.get(), POLLIN, 0};
  return socket_.get() >= 0 && !has_closed_ && poll(&watched, 1, 0) == 0;
}

std::optional<Error> DeadlineSocket::connect(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int lookup = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (lookup != 0) return Error{std::string("cannot look up the name: ") + gai_strerror(lookup)};
  const AddressList addresses(found);

  int left = 0;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) ++left;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next, --left) {
    const auto now = Clock::now();
    const auto share = std::max(deadline_ - now, Clock::duration::zero()) / left;
    if (connect_to(*each, now + share)) {
      failure_.clear();
      return std::nullopt;
    }
    if (stop_.stop_requested()) break;
  }
  return Error{"cannot connect: " + failure_};
}

bool DeadlineSocket::connect_to(const addrinfo& address, Clock::time_point until) {
  socket_ = FileDescriptor(
      socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  if (socket_.get() < 0) return fail_with_errno();
  const int on = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_.get(), address.ai_addr, address.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS) return fail_with_errno();
  if (!wait(POLLOUT, until)) return false;
  int result = 0;
  socklen_t size = sizeof result;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &result, &size) != 0) {
    return fail_with_errno();
  }
  if (result != 0) failure_ = std::generic_category().message(result);
  return result == 0;
}

bool DeadlineSocket::has_time(Clock::time_point until) {
  if (stop_.stop_requested()) {
    failure_ = "stopped";
  } else if (Clock::now() >= until) {
    failure_ = "timed out";
  } else {
    return true;
  }
  return false;
}

bool DeadlineSocket::wait(short events, Clock::time_point until) {
  std::array<pollfd, 2> watched = {{{socket_.get(), events, 0}, {stopped_.get(), POLLIN, 0}}};
  while (has_time(until)) {
    const int ready = poll(watched.data(), watched.size(), poll_time(until));
    if (ready < 0 && errno != EINTR) return fail_with_errno();
    if (ready > 0 && watched[0].revents != 0) return true;
  }
  return false;
}

/// Until a stop, the deadline, or a signal, at the latest.
void DeadlineSocket::gather() const {
  pollfd watched{stopped_.get(), POLLIN, 0};
  poll(&watched, 1, poll_time(std::min(deadline_, Clock::now() + gathering_)));
}

bool DeadlineSocket::fail_with_errno() {
  has_closed_ = has_closed_ || errno == EPIPE || errno == ECONNRESET;
  failure_ = std::generic_category().message(errno);
  return false;
}

int DeadlineSocket::bio_write(BIO* bio, const char* bytes, int size) {
  auto& self = *static_cast<DeadlineSocket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  for (;;) {
    if (!self.wait(POLLOUT, self.deadline_)) return -1;
    // MSG_NOSIGNAL: a server that went away must not end the process, whoever calls.
    const ssize_t sent =
        send(self.socket_.get(), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<int>(sent);
    if (errno == EAGAIN || errno == EINTR) continue;
    self.fail_with_errno();
    return -1;
  }
}

int DeadlineSocket::bio_read(BIO* bio, char* bytes, int size) {
  auto& self = *static_cast<DeadlineSocket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  // First what is there: the parts of a stream that was gathered take one call each.
  while (self.has_time(self.deadline_)) {
    const ssize_t received = recv(self.socket_.get(), bytes, static_cast<std::size_t>(size), 0);
    if (received > 0) return static_cast<int>(received);
    if (received == 0) {
      self.failure_ = "the connection was closed";
      self.has_closed_ = true;
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      self.fail_with_errno();
      return -1;
    }
    if (!self.wait(POLLIN, self.deadline_)) return -1;
    if (self.gathering_.count() > 0) self.gather();
  }
  return -1;
}

BIO_METHOD* DeadlineSocket::bio_method() {
  static const std::unique_ptr<BIO_METHOD, OpenSslDeleter<BIO_meth_free>> kMethod = [] {
    std::unique_ptr<BIO_METHOD, OpenSslDeleter<BIO_meth_free>> made(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "deadline socket"));
    if (!made) throw std::bad_alloc();
    BIO_meth_set_write(made.get(), bio_write);
    BIO_meth_set_read(made.get(), bio_read);
    // The one control that TLS needs answered is "flush", and nothing is ever held back.
    BIO_meth_set_ctrl(made.get(), [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    return made;
  }();
  return kMethod.get();
}

BioPtr DeadlineSocket::make_bio() {
  BioPtr bio(BIO_new(bio_method()));
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio.get(), this);
  BIO_set_init(bio.get(), 1);
  return bio;
}

}  // namespace webhook
