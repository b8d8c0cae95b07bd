#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tls/context.h"

namespace webhook {

struct CertificateFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path client_ca;  ///< Empty: clients need no certificate.
};

/// The serving pair and the client CA, renewed in place: context() gives the newest good ones, and
/// connections keep those they began with. Call reload() from one thread at a time, the rest from
/// any.
class ServingCertificate {
 public:
  /// What reload() found.
  enum class Change {
    kNone,          ///< The content in use.
    kRenewed,       ///< Other content, in use from now on.
    kRefused,       ///< The new content is wrong, and `why`; the old one stays in use.
    kStillRefused,  ///< As the last time, for the same reason; the caller need not log it again.
  };
  struct Reload {
    Change change = Change::kNone;
    std::string why;
  };

  /// Throws std::runtime_error if there is no good pair to begin with.
  ServingCertificate(CertificateFiles files, TlsRules rules);

  [[nodiscard]] std::shared_ptr<SSL_CTX> context() const;

  /// Reads the files again and compares contents: the directory of a mounted Secret is swapped by
  /// symbolic link, which watchers of files miss. Call it on a timer.
  Reload reload();

  [[nodiscard]] std::chrono::system_clock::time_point expires_at() const;
  [[nodiscard]] bool is_valid_now() const;

 private:
  [[nodiscard]] Result<TlsMaterial> read_files() const;
  [[nodiscard]] Result<TlsContext> make_valid(const TlsMaterial& material) const;
  Reload refuse(std::string why);

  const CertificateFiles files_;
  const TlsRules rules_;
  TlsMaterial material_;      ///< What current_ is made of.
  std::string refused_why_;   ///< Why the last reload was refused; empty if it was not.
  mutable std::mutex mutex_;  ///< Of what follows.
  TlsContext current_;
};

}  // namespace webhook
