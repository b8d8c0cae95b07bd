#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "admission/sandbox.h"
#include "base/result.h"
#include "server/config.h"
#include "server/metrics.h"

namespace webhook {

/// What `config` injects, with the profile read from its file.
Result<std::shared_ptr<const Sandbox>> make_sandbox_of(const Config& config);

/// The configuration in use: what a review needs of it can be replaced while the server runs.
/// reload() is for one thread at a time, the rest for any.
class LiveConfig {
 public:
  /// The configuration, flags and file, as it is now.
  using Read = std::function<Result<Config>()>;

  /// Throws std::runtime_error where it is wrong. `metrics` outlives this.
  LiveConfig(Read read, Metrics& metrics);

  /// The configuration at the start. Later changes to cluster, server and log.format wait for a
  /// restart.
  [[nodiscard]] const Config& at_start() const { return at_start_; }
  [[nodiscard]] std::shared_ptr<const Sandbox> sandbox() const;

  /// Reads the configuration and the profile again. If they are wrong the last good ones stay in
  /// use, and each new problem is logged and counted.
  void reload();

 private:
  void keep_last(const std::string& problem);
  void use(const Config& fresh, std::shared_ptr<const Sandbox> sandbox);

  const Read read_;
  Metrics& metrics_;
  const Config at_start_;
  Config last_;
  std::string problem_;       ///< With the last reload; empty if there was none.
  mutable std::mutex mutex_;  ///< Of what follows.
  std::shared_ptr<const Sandbox> sandbox_;
};

}  // namespace webhook
