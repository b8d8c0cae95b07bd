#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>

#include "kube/client.h"
#include "server/certificate_event.h"
#include "server/certificate_steps.h"
#include "server/certificate_store.h"
#include "tls/certificate_authority.h"
#include "tls/context.h"

namespace webhook {

/// The serving certificate that needs nobody: its CA is in a Secret that all replicas share, and in
/// the caBundle of the webhook configuration. A thread of its own looks after them, by next_step().
///
/// There is no leader: whoever finds something to do does it, on the strength of the resource
/// version that it has read, and reads again where somebody else was faster.
class ManagedCertificate {
 public:
  struct Options {
    ManagedNames names;
    CertificateTimes times;
    TlsRules rules;
    std::filesystem::path client_ca;  ///< Empty: clients need no certificate.
    std::function<void(CertificateEvent)> on_event = [](CertificateEvent) {};
    /// A line for the log.
    std::function<void(bool is_warning, const std::string&)> on_log = [](bool, const auto&) {};
  };

  ManagedCertificate(KubeClient client, Options options);
  ~ManagedCertificate();
  ManagedCertificate(const ManagedCertificate&) = delete;
  ManagedCertificate& operator=(const ManagedCertificate&) = delete;

  void start();

  // From any thread:

  /// Null until there is a first one.
  [[nodiscard]] std::shared_ptr<SSL_CTX> context() const;
  /// 1970 until there is one.
  [[nodiscard]] WallTime expires_at() const;
  [[nodiscard]] WallTime authority_expires_at() const;
  /// Why API servers do not take what is served; empty while they do.
  [[nodiscard]] std::string failure() const;
  /// The state in words, for /readyz?verbose.
  [[nodiscard]] std::string note() const;

 private:
  enum class Outcome { kRest, kAgain, kConflict, kFailed };

  void run();
  std::chrono::milliseconds pause_after(Outcome outcome);
  Outcome round();
  void publish(const CertificateObservation& seen);

  // Each does a step.
  Outcome take(const Rest& step, const CertificateObservation& seen);
  Outcome take(const MakeAuthority& step, const CertificateObservation& seen);
  Outcome take(const StoreAuthorities& step, const CertificateObservation& seen);
  Outcome take(const WriteBundle& step, const CertificateObservation& seen);
  Outcome take(const IssueLeaf& step, const CertificateObservation& seen);
  Outcome note_written(const Result<bool>& written);
  Outcome fail(const std::string& why);
  void read_client_ca();
  std::optional<Error> serve(const PemPair& pair);

  const Options options_;
  const CertificateStore store_;

  // Of the thread.
  std::stop_token stop_;
  CertificateMemory memory_;
  PemPair pair_;
  PemFile client_ca_;
  std::string client_ca_problem_;  ///< That was logged; empty while there is none.
  std::string problem_;            ///< That was logged; empty once a round went well.
  std::chrono::milliseconds retry_delay_{1'000};
  int busy_rounds_ = 0;  ///< One after the other that had something to write.
  std::minstd_rand random_;

  mutable std::mutex mutex_;  ///< Of the next ones.
  std::optional<TlsContext> current_;
  std::optional<WallTime> authority_expires_at_;
  bool is_trusted_ = false;  ///< By the bundle that was read last.
  std::string last_problem_;
  std::string state_;

  std::condition_variable_any wake_;
  std::jthread thread_;  ///< Last: it uses all of the above.
};

}  // namespace webhook
