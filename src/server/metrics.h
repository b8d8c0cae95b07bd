#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "admission/decision.h"
#include "http/causes.h"
#include "scheduling/node_verdict.h"
#include "server/certificate_event.h"

namespace webhook {

/// The state of the server's parts at the moment the page is read.
struct Gauges {
  std::size_t in_flight_requests = 0;
  std::size_t open_connections = 0;
  std::uint64_t lost_log_lines = 0;                                  ///< Since the start.
  std::optional<std::chrono::duration<double>> cluster_version_age;  ///< None: not known.
  std::string cluster_git_version;                                   ///< Empty: not known.
  std::optional<bool> cluster_drops_sandbox;                         ///< None: not known.
  std::chrono::system_clock::time_point certificate_expires_at;
  /// Of the youngest CA of ours; 1970: there is none.
  std::chrono::system_clock::time_point authority_expires_at = {};
  bool looks_at_nodes = false;
  std::optional<NodeCounts> nodes = {};  ///< None: not known.
};

/// What Prometheus reads. Labels are closed sets, and each of their values exists from the start.
/// Counting is thread-safe and takes no lock that a scrape holds for long.
class Metrics {
 public:
  explicit Metrics(std::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void count_review(Outcome outcome, Reason reason, bool dry_run,
                    std::chrono::duration<double> time);
  void count_response(int code);
  void count_request(std::chrono::duration<double> time);
  void count_closed(CloseCause cause);
  void count_failed_handshake(HandshakeFailure why);
  void count_certificate_reload(bool ok);
  void count_certificate_event(CertificateEvent event);
  void count_config_reload(bool ok);

  /// The page in Prometheus' text format 0.0.4.
  [[nodiscard]] std::string to_text(const Gauges& gauges) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace webhook
