#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "kube/client.h"
#include "server/certificate_objects.h"
#include "server/certificate_steps.h"

namespace webhook {

/// The Secret and the webhook configuration, read and written through the API. For one thread.
class CertificateStore {
 public:
  CertificateStore(KubeClient client, ManagedNames names);

  /// Reads the Secret, then the configuration. Error also where the clock of this node and that of
  /// the API server are apart by more than `clock_tolerance`: what is wrong here must not become
  /// everybody's truth.
  [[nodiscard]] Result<CertificateObservation> observe(std::chrono::milliseconds clock_tolerance,
                                                       const std::stop_token& stop) const;

  /// Stores the CAs in place of those that were seen. False: somebody else was faster.
  [[nodiscard]] Result<bool> put_authorities(const std::vector<ManagedAuthority>& authorities,
                                             const CertificateObservation& seen,
                                             const std::stop_token& stop) const;

  /// Stores the bundle in place of the one that was seen. False: somebody else was faster.
  [[nodiscard]] Result<bool> put_bundle(const std::vector<Certificate>& certificates,
                                        const CertificateObservation& seen,
                                        const std::stop_token& stop) const;

  [[nodiscard]] const ManagedNames& names() const { return names_; }

 private:
  [[nodiscard]] std::string expected_of(const HttpResponse& refusal, const std::string& path) const;
  [[nodiscard]] Result<bool> apply(const std::string& path, const std::string& query,
                                   const std::string& body, const std::stop_token& stop) const;

  const KubeClient client_;
  const ManagedNames names_;
  const std::string secret_manager_;  ///< The field manager of this replica alone.
};

}  // namespace webhook
