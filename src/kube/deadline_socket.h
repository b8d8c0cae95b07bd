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

/// A TCP connection whose every step counts against the deadline of the call under way, however
/// slowly the other side drips, and ends at once when its `stop` is requested. Used by one thread
/// at a time.
///
/// Name lookup is the exception: it takes the time the system's resolver takes.
class DeadlineSocket {
 public:
  using Clock = std::chrono::steady_clock;

  DeadlineSocket();
  // A callback and a BIO point here.
  DeadlineSocket(const DeadlineSocket&) = delete;
  DeadlineSocket& operator=(const DeadlineSocket&) = delete;

  /// Begins a call: before it, nothing can be waited for.
  void begin(Clock::time_point deadline, std::stop_token stop);
  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }
  /// From now on, in this call: what ends a silence is read only so much later, together with what
  /// has come by then. To be woken for each piece costs more than to read it.
  void set_gathering(std::chrono::milliseconds time) { gathering_ = time; }

  /// Tries each address of `host` in turn, each with its share of the time that is left.
  [[nodiscard]] std::optional<Error> connect(const std::string& host, const std::string& port);

  /// A BIO for SSL_set_bio() that reads and writes here, seemingly blocking. It must not outlive
  /// this.
  [[nodiscard]] BioPtr make_bio();

  /// Why the last read or write of this call failed: "timed out", "stopped" or the system's reason;
  /// empty if none did.
  [[nodiscard]] const std::string& failure() const { return failure_; }

  /// True if the other side has ended the connection, in whatever way.
  [[nodiscard]] bool has_closed() const { return has_closed_; }
  void note_closed() { has_closed_ = true; }

  /// True while it is open and has nothing to read.
  [[nodiscard]] bool is_quiet() const;

 private:
  static int bio_write(BIO* bio, const char* bytes, int size);
  static int bio_read(BIO* bio, char* bytes, int size);
  static BIO_METHOD* bio_method();

  bool connect_to(const addrinfo& address, Clock::time_point until);
  bool has_time(Clock::time_point until);
  bool wait(short events, Clock::time_point until);
  void gather() const;
  bool fail_with_errno();

  Clock::time_point deadline_;
  std::chrono::milliseconds gathering_{0};
  std::stop_token stop_;
  FileDescriptor stopped_;  ///< An eventfd that becomes readable when stop is requested.
  FileDescriptor socket_;
  std::string failure_;
  bool has_closed_ = false;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace webhook
