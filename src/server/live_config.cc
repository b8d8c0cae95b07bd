#include "server/live_config.h"

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

#include "server/seccomp_profile_file.h"

namespace webhook {

std::shared_ptr<const Sandbox> make_sandbox_of(const Config& config) {
  Policy policy = config.policy;
  policy.profile = load_seccomp_profile(config.profile_file, config.policy.delivery);
  return std::make_shared<const Sandbox>(make_sandbox(std::move(policy)));
}

LiveConfig::LiveConfig(std::function<Config()> read, Metrics& metrics)
    : read_(std::move(read)),
      metrics_(metrics),
      at_start_(read_()),
      last_(at_start_),
      sandbox_(make_sandbox_of(at_start_)) {}

std::shared_ptr<const Sandbox> LiveConfig::sandbox() const {
  const std::lock_guard lock(mutex_);
  return sandbox_;
}

void LiveConfig::reload() {
  try {
    const Config fresh = read_();
    auto made = make_sandbox_of(fresh);
    const bool is_new = fresh != last_ || made->policy.profile != sandbox()->policy.profile;
    if (is_new || !problem_.empty()) use(fresh, std::move(made));
  } catch (const std::exception& error) {
    if (problem_ == error.what()) return;
    problem_ = error.what();
    metrics_.count_config_reload(false);
    spdlog::warn("configuration: the last good one stays: {}", problem_);
  }
}

void LiveConfig::use(const Config& fresh, std::shared_ptr<const Sandbox> sandbox) {
  if (fresh.cluster != at_start_.cluster || fresh.server != at_start_.server ||
      fresh.log.format != at_start_.log.format) {
    spdlog::warn("configuration: changes to cluster, server and log.format wait for a restart");
  }
  spdlog::set_level(spdlog::level::from_str(fresh.log.level));
  {
    const std::lock_guard lock(mutex_);
    sandbox_ = std::move(sandbox);
  }
  last_ = fresh;
  problem_.clear();
  metrics_.count_config_reload(true);
  spdlog::info("configuration: in use from now on");
}

}  // namespace webhook
