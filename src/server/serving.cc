#include "server/serving.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>

#include "kube/client.h"
#include "server/log.h"

namespace webhook {
namespace {

ClusterVersion fixed_version(const std::string& text) {
  return {.version = parse_kube_version(text).value(), .git_version = text};
}

void log_bug(std::string_view what) { spdlog::error("bug: {}", what); }

}  // namespace

Serving::Serving(const ServingOptions& options)
    : program_version_(options.version),
      metrics_(options.version),
      live_(options.read_config, metrics_),
      config_(live_.at_start()),
      version_(make_version_source(options.kubeconfig)),
      certificate_({.certificate = config_.server.tls.cert_file,
                    .key = config_.server.tls.key_file,
                    .client_ca = config_.server.tls.client_ca_file},
                   {.min_version = config_.server.tls.min_version == "1.3" ? TlsVersion::kTls13
                                                                           : TlsVersion::kTls12,
                    .client_names = config_.server.tls.client_names}),
      admission_(admission_options(), make_admission_routes(admission_parts())),
      ops_({.address = config_.server.ops_listen, .workers = 2, .on_bug = log_bug},
           make_ops_routes(ready_checks(), [this] { return metrics_.to_text(gauges()); })) {}

Serving::~Serving() = default;

void Serving::start() {
  version_->start();
  ops_.start();
  admission_.start();
  log_fields("serving", {{"version", program_version_},
                         {"address", admission_.address()},
                         {"ops_address", ops_.address()}});
}

void Serving::reload() {
  live_.reload();
  const auto reload = certificate_.reload();
  if (reload.change == ServingCertificate::Change::kRenewed) {
    metrics_.count_certificate_reload(true);
    spdlog::info("certificate: renewed");
  } else if (reload.change == ServingCertificate::Change::kRefused) {
    metrics_.count_certificate_reload(false);
    spdlog::warn("certificate: the one in use stays: {}", reload.why);
  }
}

void Serving::drain() {
  is_draining_ = true;
  admission_.begin_drain();
  spdlog::info("draining: still serving for {} ms", config_.server.shutdown_delay.count());
  std::this_thread::sleep_for(config_.server.shutdown_delay);
  if (!admission_.drain(config_.server.drain_timeout)) {
    spdlog::warn("draining: connections were cut off after {} ms",
                 config_.server.drain_timeout.count());
  }
  spdlog::info("stopped");
}

/// The probe goes with each question for the version, before its answer is in force; not to an
/// API server that is too old anyway.
std::unique_ptr<ClusterVersionSource> Serving::make_version_source(const std::string& kubeconfig) {
  if (!config_.cluster.kube_version.empty()) {
    return std::make_unique<ClusterVersionSource>(fixed_version(config_.cluster.kube_version));
  }
  const auto file =
      kubeconfig.empty() ? std::nullopt : std::optional<std::filesystem::path>(kubeconfig);
  auto client = std::make_shared<const KubeClient>(KubeClient::connect(file));
  probe_ = std::make_unique<SandboxProbe>([client](const std::stop_token& stop) {
    return client->post(probe_path(client->own_namespace()), probe_body(), stop);
  });
  return std::make_unique<ClusterVersionSource>(
      [client, this](const std::stop_token& stop) {
        auto version = client->get("/version", stop);
        const auto told = version ? parse_version_info(*version) : version.error();
        if (told && told->version >= kOldestSandboxVersion) probe_->ask(stop);
        return version;
      },
      ClusterVersionSource::Options{.refresh_interval = config_.cluster.refresh_interval});
}

ListenerOptions Serving::admission_options() {
  return {.address = config_.server.listen,
          .max_body_bytes = config_.server.max_request_bytes,
          .tls = [this] { return certificate_.context(); },
          .on_response = [this](int status) { metrics_.count_response(status); },
          .on_bug = log_bug};
}

AdmissionParts Serving::admission_parts() {
  return {.sandbox = [this] { return live_.sandbox(); },
          .cluster = [this]() -> std::optional<ClusterState> {
            const auto cluster = version_->current();
            if (!cluster) return std::nullopt;
            return ClusterState{.version = cluster->version,
                                .drops_sandbox = probe_->drops().value_or(false)};
          },
          .on_reviewed = [this](const Reviewed& reviewed,
                                std::chrono::duration<double> time) { note(reviewed, time); }};
}

void Serving::note(const Reviewed& reviewed, std::chrono::duration<double> time) {
  metrics_.count_review(reviewed.outcome, reviewed.reason, reviewed.dry_run, time);
  log_fields("review", {{"uid", reviewed.uid},
                        {"namespace", reviewed.ns},
                        {"name", reviewed.name},
                        {"outcome", to_string(reviewed.outcome)},
                        {"reason", to_string(reviewed.reason)},
                        {"dry_run", reviewed.dry_run ? "true" : "false"},
                        {"duration_seconds", std::to_string(time.count())}});
}

std::vector<ReadyCheck> Serving::ready_checks() {
  return {{"certificate",
           [this] {
             return certificate_.is_valid_now() ? "" : "the certificate in use is not valid now";
           }},
          {"cluster-version",
           [this] { return version_->current() ? "" : "the API server has not told it yet"; }},
          {"sandbox-probe", [] { return ""; }, [this] { return probe_->summary(); }},
          {"shutdown", [this] { return is_draining_ ? "draining" : ""; }}};
}

Gauges Serving::gauges() {
  return {.in_flight_requests = [this] { return static_cast<double>(admission_.in_flight()); },
          .open_connections = [this] { return static_cast<double>(admission_.open_connections()); },
          .cluster_version_age_seconds = [this]() -> std::optional<double> {
            const auto age = version_->age();
            if (!age) return std::nullopt;
            return age->count();
          },
          .cluster_git_version =
              [this] {
                const auto cluster = version_->current();
                return cluster ? cluster->git_version : "";
              },
          .cluster_drops_sandbox = [this] { return probe_->drops(); },
          .certificate_expiry_timestamp_seconds =
              [this] {
                const auto time = certificate_.expires_at().time_since_epoch();
                return std::chrono::duration<double>(time).count();
              }};
}

}  // namespace webhook
