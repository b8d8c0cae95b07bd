#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/http_exchange.h"
#include "kube/kubeconfig.h"

namespace webhook {

/// Where the kubelet mounts a pod's service account.
inline constexpr const char* kServiceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Asks an API server over HTTPS. The server's certificate must come from the expected authority
/// and carry the expected name or address as a SAN; a common name does not count, as in Go.
///
/// A connection is kept for the next call. Where the server has closed it meanwhile, the call goes
/// over a new one; a GET that finds that out too late is sent once more, and nobody hears of it.
///
/// Its functions may be called from several threads.
class KubeClient {
 public:
  /// Every call ends by then, whatever the server does; only name lookup has its own time.
  static constexpr std::chrono::seconds kTimeout{5};
  static constexpr std::size_t kMaxBodyBytes = 1 << 20;  // /version has some 400 bytes

  struct Request {
    const char* method = "GET";
    std::string_view path = {};  ///< With the query, both encoded already.
    std::string_view body = {};
    std::string_view content_type = "application/json";  ///< Of the body, if there is one.
    std::size_t max_body_bytes = kMaxBodyBytes;          ///< Of the answer.
  };

  struct LineLimits {
    std::size_t max_line_bytes = 4 << 20;  ///< An object has up to 3 MiB, and escapes.
    std::chrono::milliseconds time = std::chrono::minutes(10);  ///< From the head on.
    /// How long lines are let come after a silence, to be read together: each waits so long.
    std::chrono::milliseconds gathering{0};
  };

  /// Takes a line without its end; returns false to end the call there.
  using LineReceiver = std::function<bool(std::string_view)>;

  /// The API server to ask: that of `kubeconfig`, else of the files in $KUBECONFIG, else of the
  /// cluster this pod is in. Throws std::runtime_error where there is none, or it is misconfigured.
  static KubeClient connect(const std::optional<std::filesystem::path>& kubeconfig);

  /// By the pod's service account: `directory` has ca.crt and token, and the environment
  /// KUBERNETES_SERVICE_HOST and _PORT. Throws std::runtime_error.
  static KubeClient in_cluster(const std::filesystem::path& directory = kServiceAccountDir);

  /// Throws std::runtime_error, as load_kubeconfig() does, and where a credential is not usable.
  static KubeClient from_kubeconfig(const std::filesystem::path& file);

  explicit KubeClient(KubeAccess access);
  ~KubeClient();
  KubeClient(KubeClient&&) noexcept;
  KubeClient& operator=(KubeClient&&) noexcept;

  /// The same API server and credentials, by a connection of its own that is not open yet: one
  /// behind the address may be another server.
  [[nodiscard]] KubeClient anew() const;

  /// The answer, whatever its status. Files of the credentials are read anew each time: they are
  /// renewed in place. Redirects are not followed. A requested stop ends the call at once.
  [[nodiscard]] Result<HttpResponse> send(const Request& request, std::stop_token stop = {}) const;

  /// The body of a 200; otherwise as send().
  [[nodiscard]] Result<std::string> get(std::string_view path, std::stop_token stop = {}) const;

  /// A POST of JSON.
  [[nodiscard]] Result<HttpResponse> post(std::string_view path, std::string_view body,
                                          std::stop_token stop = {}) const;

  /// A GET whose answer comes line by line for as long as the server likes, such as a watch: each
  /// is handed on as soon as it is there. The result says how it began and that it ended in order.
  [[nodiscard]] Result<HttpResponse> get_lines(std::string_view path, const LineReceiver& receive,
                                               LineLimits limits, std::stop_token stop = {}) const;

  /// That of the service account, or of the kubeconfig's context.
  [[nodiscard]] const std::string& own_namespace() const;

  /// "https://10.96.0.1:443", for messages.
  [[nodiscard]] std::string address() const;

 private:
  struct State;
  struct Stream;
  explicit KubeClient(std::unique_ptr<State> state);

  Result<HttpResponse> ask(const Request& request, std::stop_token stop, Stream* stream) const;

  std::unique_ptr<State> state_;
};

}  // namespace webhook
