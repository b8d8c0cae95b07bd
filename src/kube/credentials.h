#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "kube/kubeconfig.h"
#include "tls/openssl.h"

namespace webhook {

/// Who we are to an API server, and who it must be. Files are read anew for each use, because they
/// are renewed in place; the TLS context is made anew only when one of them has changed.
///
/// Its functions may be called from several threads.
class Credentials {
 public:
  /// Throws std::runtime_error where a credential is not usable: better said now.
  explicit Credentials(KubeAccess access);

  [[nodiscard]] const KubeAccess& access() const { return access_; }

  /// Error: a file is not what it should be. The same pointer means the same credentials.
  Result<std::shared_ptr<SSL_CTX>> context();

  /// Empty where there is none.
  [[nodiscard]] Result<std::string> token() const;

 private:
  [[nodiscard]] Result<std::array<std::string, 3>> read_pems() const;

  const KubeAccess access_;
  std::mutex mutex_;                 ///< Of what follows.
  std::array<std::string, 3> pems_;  ///< Authorities, certificate and key of `context_`.
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace webhook
