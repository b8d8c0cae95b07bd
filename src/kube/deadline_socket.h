#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "os/file_descriptor.h"
#include "tls/openssl.h"

struct addrinfo;

namespace webhook {

/// A TCP connection whose every step counts against one deadline, however slowly the other side
/// drips, and ends at once when `stop` is requested. Used by one thread.
///
/// Name lookup is the exception: it takes the time the system's resolver takes.
class DeadlineSocket {
 public:
  using Clock = std::chrono::steady_clock;

  DeadlineSocket(Clock::time_point deadline, std::stop_token stop);
  // A callback and a BIO point here.
  DeadlineSocket(const DeadlineSocket&) = delete;
  DeadlineSocket& operator=(const DeadlineSocket&) = delete;

  /// Tries each address of `host` in turn, each with its share of the time that is left.
  [[nodiscard]] std::optional<Error> connect(const std::string& host, const std::string& port);

  /// A BIO for SSL_set_bio() that reads and writes here, seemingly blocking. It must not outlive
  /// this.
  [[nodiscard]] BioPtr make_bio();

  /// Why the last read or write failed: "timed out", "stopped" or the system's reason; empty if
  /// none did.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  static int bio_write(BIO* bio, const char* bytes, int size);
  static int bio_read(BIO* bio, char* bytes, int size);
  static BIO_METHOD* bio_method();

  bool connect_to(const addrinfo& address, Clock::time_point until);
  bool wait(short events, Clock::time_point until);
  bool fail_with_errno();

  Clock::time_point deadline_;
  std::stop_token stop_;
  FileDescriptor stopped_;  ///< An eventfd that becomes readable when stop is requested.
  FileDescriptor socket_;
  std::string failure_;
  std::stop_callback<std::function<void()>> on_stop_;
};

}  // namespace webhook
