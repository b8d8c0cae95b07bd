#include "server/live_config.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/value_or_throw.h"
#include "server/seccomp_profile_file.h"

namespace webhook {

Result<std::shared_ptr<const Sandbox>> make_sandbox_of(const Config& config) {
  auto profile = load_seccomp_profile(config.profile_file, config.policy.delivery);
  if (!profile) return profile.error();
  Policy policy = config.policy;
  policy.profile = std::move(*profile);
  return std::make_shared<const Sandbox>(make_sandbox(std::move(policy)));
}

LiveConfig::LiveConfig(Read read, Metrics& metrics)
    : read_(std::move(read)),
      metrics_(metrics),
      at_start_(value_or_throw(read_())),
      last_(at_start_),
      sandbox_(value_or_throw(make_sandbox_of(at_start_))) {}

std::shared_ptr<const Sandbox> LiveConfig::sandbox() const {
  const std::lock_guard lock(mutex_);
  return sandbox_;
}

void LiveConfig::reload() {
  const auto fresh = read_();
  if (!fresh) return keep_last(fresh.error().message);
  const auto made = make_sandbox_of(*fresh);
  if (!made) return keep_last(made.error().message);
  const bool is_new = *fresh != last_ || (*made)->policy.profile != sandbox()->policy.profile;
  if (is_new || !problem_.empty()) use(*fresh, *made);
}

void LiveConfig::keep_last(const std::string& problem) {
  if (problem_ == problem) return;
  problem_ = problem;
  metrics_.count_config_reload(false);
  spdlog::warn("configuration: the last good one stays: {}", problem_);
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
