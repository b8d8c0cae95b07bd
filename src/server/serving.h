#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/descriptors.h"
#include "http/listener.h"
#include "http/memory_budget.h"
#include "kube/cluster_version.h"
#include "server/live_config.h"
#include "server/managed_certificate.h"
#include "server/metrics.h"
#include "server/node_awareness.h"
#include "server/routes.h"
#include "tls/serving_certificate.h"

namespace webhook {

struct ServingOptions {
  LiveConfig::Read read_config;
  std::string kubeconfig;  ///< Empty: the service account of the pod we run in.
  std::string version;     ///< Of this program, for its log and metrics.
  CertificateTimes certificate_times = {};
};

/// The parts of the running server, how they are connected, and the order in which they end. Call
/// it from one thread. Its constructor and start() throw std::exception.
class Serving {
 public:
  explicit Serving(const ServingOptions& options);
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  void start();

  /// Compares the configuration and the certificate with their files. Call it on a timer.
  void reload();

  /// Reports not ready, goes on serving for shutdownDelay, then accepts no more connections and
  /// waits up to drainTimeout for requests in flight.
  void drain();

 private:
  std::unique_ptr<ClusterVersionSource> make_version_source(const std::string& kubeconfig);
  std::unique_ptr<NodeAwareness> make_node_awareness(const std::string& kubeconfig);
  std::unique_ptr<ManagedCertificate> make_managed(const ServingOptions& options);
  std::unique_ptr<ServingCertificate> read_certificate() const;
  [[nodiscard]] TlsRules tls_rules() const;
  [[nodiscard]] std::shared_ptr<SSL_CTX> tls_context() const;
  void reload_certificate();
  ListenerOptions admission_options();
  AdmissionParts admission_parts();
  void note(const Reviewed& reviewed, const HttpRequest& request,
            std::chrono::duration<double> time);
  ReadyCheck certificate_check();
  std::vector<ReadyCheck> ready_checks();
  [[nodiscard]] Gauges gauges() const;

  const std::string program_version_;
  Metrics metrics_;
  LiveConfig live_;
  const Config& config_;
  std::unique_ptr<ClusterVersionSource> version_;
  std::string no_nodes_;  ///< Why nodes are not looked at although they should be; or empty.
  const std::unique_ptr<NodeAwareness> nodes_;             ///< Null: nodes are not looked at.
  const std::unique_ptr<ManagedCertificate> managed_;      ///< Either this,
  const std::unique_ptr<ServingCertificate> certificate_;  ///< or this.
  std::atomic<bool> is_draining_{false};
  const ConnectionLimits limits_ = share_descriptors(raise_descriptor_limit());
  const std::shared_ptr<MemoryBudget> memory_;
  // Last: their threads end before what they use goes.
  HttpListener admission_;
  HttpListener ops_;
};

}  // namespace webhook
