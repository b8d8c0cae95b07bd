#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admission/admission.h"
#include "http/listener.h"
#include "http/memory_budget.h"

namespace webhook {

/// What the admission route needs. The functions are called on the listener's workers, at the same
/// time.
struct AdmissionParts {
  std::function<std::shared_ptr<const Sandbox>()> sandbox;
  std::function<std::optional<ClusterState>()> cluster;  ///< None: not known yet.
  /// With the time that it took, apart from its arrival.
  std::function<void(const Reviewed&, const HttpRequest&, std::chrono::duration<double>)>
      on_reviewed;
  /// What reading a body is taken of.
  std::shared_ptr<MemoryBudget> memory = std::make_shared<MemoryBudget>(std::size_t{192} << 20U);
};

/// One thing that /readyz asks. `failure` is empty while it holds, else why it does not.
struct ReadyCheck {
  std::string name;
  std::function<std::string()> failure;
  std::function<std::string()> note = {};  ///< What ?verbose adds while it holds; may be empty.
};

/// POST /mutate.
std::vector<Route> make_admission_routes(AdmissionParts parts);

/// GET /livez, /readyz and /metrics.
std::vector<Route> make_ops_routes(std::vector<ReadyCheck> checks,
                                   std::function<std::string()> metrics);

/// A Go duration such as "10s", "1m30s" or "1.5s", as the API server prints its timeout.
std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

}  // namespace webhook
