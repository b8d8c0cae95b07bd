#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/http_response.h"
#include "kube/kubeconfig.h"

namespace webhook {

/// Where the kubelet mounts a pod's service account.
inline constexpr const char* kServiceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Asks an API server over HTTPS. The server's certificate must come from the expected authority
/// and carry the expected name or address as a SAN; a common name does not count, as in Go.
///
/// Immutable; get() and post() may be called from several threads.
class KubeClient {
 public:
  /// Every call ends by then, whatever the server does; only name lookup has its own time.
  static constexpr std::chrono::seconds kTimeout{5};
  static constexpr std::size_t kMaxBodyBytes = 1 << 20;  // /version has some 400 bytes

  /// The API server to ask: that of `kubeconfig`, else of the files in $KUBECONFIG, else of the
  /// cluster this pod is in. Throws std::runtime_error where there is none, or it is misconfigured.
  static KubeClient connect(const std::optional<std::filesystem::path>& kubeconfig);

  /// By the pod's service account: `directory` has ca.crt and token, and the environment
  /// KUBERNETES_SERVICE_HOST and _PORT. Throws std::runtime_error.
  static KubeClient in_cluster(const std::filesystem::path& directory = kServiceAccountDir);

  /// Throws std::runtime_error, as load_kubeconfig() does, and where a credential is not usable.
  static KubeClient from_kubeconfig(const std::filesystem::path& file);

  explicit KubeClient(KubeAccess access);

  /// The body of a 200. Files of the credentials are read anew each time: they are renewed in
  /// place. Redirects are not followed. A requested stop ends the call at once.
  [[nodiscard]] Result<std::string> get(std::string_view path, std::stop_token stop = {}) const;

  /// The answer to a POST of JSON, whatever its status; otherwise as get().
  [[nodiscard]] Result<HttpResponse> post(std::string_view path, std::string_view body,
                                          std::stop_token stop = {}) const;

  /// That of the service account, or of the kubeconfig's context.
  [[nodiscard]] const std::string& own_namespace() const { return access_.ns; }

  /// "https://10.96.0.1:443", for messages.
  [[nodiscard]] std::string address() const;

 private:
  Result<HttpResponse> ask(const char* method, std::string_view path, std::string_view body,
                           std::stop_token stop) const;

  KubeAccess access_;
};

}  // namespace webhook
