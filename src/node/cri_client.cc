#include "node/cri_client.h"

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "os/file_descriptor.h"

namespace webhook {
namespace {

using Clock = std::chrono::steady_clock;

/// A status of a runtime takes some kilobytes.
constexpr std::size_t kMaxAnswer = std::size_t{1} << 20U;
/// Before each gRPC message: a byte that says whether it is compressed, and its length, big-endian.
constexpr std::size_t kPrefix = 5;

struct FreeSession {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
struct FreeCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};
using SessionPtr = std::unique_ptr<nghttp2_session, FreeSession>;
using CallbacksPtr = std::unique_ptr<nghttp2_session_callbacks, FreeCallbacks>;

/// What comes back for one call.
struct Answer {
  std::string body;
  std::string http_status;
  std::string grpc_status;
  std::string grpc_message;
  bool is_complete = false;
};

Answer& answer_of(void* user_data) { return *static_cast<Answer*>(user_data); }

int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
              std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
              std::uint8_t, void* user_data) {
  const auto text = [](const std::uint8_t* bytes, std::size_t size) {
    return std::string(bytes, bytes + size);
  };
  Answer& answer = answer_of(user_data);
  const std::string key = text(name, name_size);
  if (key == ":status") answer.http_status = text(value, value_size);
  if (key == "grpc-status") answer.grpc_status = text(value, value_size);
  if (key == "grpc-message") answer.grpc_message = text(value, value_size);
  return 0;
}

int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes,
            std::size_t size, void* user_data) {
  Answer& answer = answer_of(user_data);
  if (size > kMaxAnswer - answer.body.size()) return NGHTTP2_ERR_CALLBACK_FAILURE;
  answer.body.append(bytes, bytes + size);
  return 0;
}

int on_stream_close(nghttp2_session*, std::int32_t, std::uint32_t error, void* user_data) {
  Answer& answer = answer_of(user_data);
  answer.is_complete = true;
  if (error != NGHTTP2_NO_ERROR) answer.grpc_message = nghttp2_http2_strerror(error);
  return 0;
}

/// The request of either call: a message without fields, whose prefix is all there is of it.
ssize_t read_empty_message(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source*, void*) {
  if (size < kPrefix) return NGHTTP2_ERR_CALLBACK_FAILURE;
  std::fill_n(buffer, kPrefix, std::uint8_t{0});
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  return kPrefix;
}

SessionPtr make_session(Answer& answer) {
  nghttp2_session_callbacks* raw_callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&raw_callbacks) != 0) return nullptr;
  const CallbacksPtr callbacks(raw_callbacks);
  nghttp2_session_callbacks_set_on_header_callback(raw_callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw_callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(raw_callbacks, on_stream_close);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_client_new(&session, raw_callbacks, &answer) != 0) return nullptr;
  return SessionPtr(session);
}

/// A connection to a Unix socket whose every step ends at one deadline.
class UnixSocket {
 public:
  [[nodiscard]] std::optional<Error> connect(const std::filesystem::path& path,
                                             Clock::time_point deadline) {
    deadline_ = deadline;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path.string();
    if (name.size() >= sizeof address.sun_path) {
      return Error{"a path of " + std::to_string(name.size()) + " bytes (expected fewer than " +
                   std::to_string(sizeof address.sun_path) + ")"};
    }
    std::copy(name.begin(), name.end(), std::begin(address.sun_path));
    socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket_.get() < 0) return failure();
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as the sockets API wants it
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
        0) {
      return std::nullopt;
    }
    return failure();
  }

  [[nodiscard]] std::optional<Error> write_all(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
      } else if (auto error = wait_after_failure(POLLOUT)) {
        return error;
      }
    }
    return std::nullopt;
  }

  /// The bytes that came; none at the end.
  [[nodiscard]] Result<std::span<const std::uint8_t>> read_some() {
    while (true) {
      const ssize_t size = recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
      if (size >= 0)
        return std::span<const std::uint8_t>(buffer_.data(), static_cast<std::size_t>(size));
      if (auto error = wait_after_failure(POLLIN)) return *error;
    }
  }

 private:
  static Error failure() { return Error{std::generic_category().message(errno)}; }

  std::optional<Error> wait_after_failure(short events) {
    if (errno == EINTR) return std::nullopt;
    if (errno != EAGAIN) return failure();
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
    pollfd waiting{.fd = socket_.get(), .events = events, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready == 0) return Error{"timed out"};
    return ready < 0 && errno != EINTR ? std::optional(failure()) : std::nullopt;
  }

  FileDescriptor socket_;
  Clock::time_point deadline_;
  std::array<std::uint8_t, 16384> buffer_{};
};

/// All frames that wait to be sent, to go out together.
std::vector<std::uint8_t> frames_to_send(nghttp2_session* session) {
  std::vector<std::uint8_t> frames;
  const std::uint8_t* frame = nullptr;
  ssize_t size = 0;
  while ((size = nghttp2_session_mem_send(session, &frame)) > 0) {
    frames.insert(frames.end(), frame, frame + size);
  }
  return frames;
}

std::optional<Error> exchange(nghttp2_session* session, UnixSocket& socket, const Answer& answer) {
  while (!answer.is_complete) {
    const auto frames = frames_to_send(session);
    // It says goodbye to a peer that breaks the protocol.
    if (nghttp2_session_want_read(session) == 0) return Error{"not an HTTP/2 server"};
    if (auto error = socket.write_all(frames)) return error;
    const auto in = socket.read_some();
    if (!in) return in.error();
    if (in->empty()) return Error{"closed the connection"};
    const ssize_t taken = nghttp2_session_mem_recv(session, in->data(), in->size());
    if (taken < 0) return Error{nghttp2_strerror(static_cast<int>(taken))};
  }
  return std::nullopt;
}

nghttp2_nv header(std::string_view name, std::string_view value) {
  // The library copies both, and takes pointers that could write.
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast,cppcoreguidelines-pro-type-const-cast)
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast,cppcoreguidelines-pro-type-const-cast)
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// The message in the body, which is one after its prefix.
Result<std::string> message_of(const Answer& answer) {
  if (answer.http_status != "200" || answer.grpc_status != "0") {
    return Error{answer.grpc_message.empty()
                     ? "HTTP status " + answer.http_status + ", gRPC status " + answer.grpc_status
                     : answer.grpc_message};
  }
  const std::string& body = answer.body;
  std::size_t size = 0;
  for (std::size_t i = 1; i < kPrefix && i < body.size(); ++i) {
    size = size << 8U | static_cast<unsigned char>(body[i]);
  }
  if (body.size() < kPrefix || body[0] != 0 || body.size() - kPrefix != size) {
    return Error{"not one gRPC message (expected an uncompressed one)"};
  }
  return body.substr(kPrefix);
}

/// A call on a connection of its own, which costs nothing on a Unix socket.
Result<std::string> call(const std::filesystem::path& path, std::string_view method,
                         Clock::time_point deadline) {
  UnixSocket socket;
  if (auto error = socket.connect(path, deadline)) return *error;
  Answer answer;
  const SessionPtr session = make_session(answer);
  if (!session) return Error{"out of memory"};
  const std::string url = "/runtime.v1.RuntimeService/" + std::string(method);
  const std::array headers{header(":method", "POST"),
                           header(":scheme", "http"),
                           header(":authority", "localhost"),
                           header(":path", url),
                           header("content-type", "application/grpc"),
                           header("te", "trailers")};
  nghttp2_data_provider body{};
  body.read_callback = read_empty_message;
  int error = nghttp2_submit_settings(session.get(), NGHTTP2_FLAG_NONE, nullptr, 0);
  if (error == 0) {
    const std::int32_t stream = nghttp2_submit_request(session.get(), nullptr, headers.data(),
                                                       headers.size(), &body, nullptr);
    error = std::min(stream, 0);
  }
  if (error != 0) return Error{nghttp2_strerror(error)};
  if (auto failed = exchange(session.get(), socket, answer)) return *failed;
  return message_of(answer);
}

}  // namespace

Result<ContainerRuntime> ask_container_runtime(const std::filesystem::path& socket,
                                               std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  const auto version = call(socket, "Version", deadline);
  if (!version) return version.error();
  auto runtime = read_version_response(*version);
  if (!runtime) return runtime;
  const auto status = call(socket, "Status", deadline);
  if (!status) return status.error();
  auto handlers = read_status_response(*status);
  if (!handlers) return handlers.error();
  runtime->handlers = std::move(*handlers);
  return runtime;
}

}  // namespace webhook
