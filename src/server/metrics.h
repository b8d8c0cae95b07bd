#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "admission/decision.h"
#include "http/causes.h"

namespace webhook {

/// Values that are asked for when the page is read.
struct Gauges {
  std::function<double()> in_flight_requests;
  std::function<double()> open_connections;
  std::function<std::optional<double>()> cluster_version_age_seconds;
  std::function<std::string()> cluster_git_version;            ///< Empty: not known.
  std::function<std::optional<bool>()> cluster_drops_sandbox;  ///< None: not known.
  std::function<double()> certificate_expiry_timestamp_seconds;
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
  void count_config_reload(bool ok);

  /// The page in Prometheus' text format 0.0.4.
  [[nodiscard]] std::string to_text(const Gauges& gauges) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace webhook
