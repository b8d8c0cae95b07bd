#include "server/serving.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>

#include "kube/client.h"
#include "kube/sandbox_probe.h"
#include "server/log.h"

namespace webhook {
namespace {

ClusterVersion fixed_version(const std::string& text) {
  return {.version = parse_kube_version(text).value(), .git_version = text};
}

void log_bug(std::string_view what) { spdlog::error("bug: {}", what); }

void log_line(bool is_warning, const std::string& line) {
  spdlog::log(is_warning ? spdlog::level::warn : spdlog::level::info, "{}", line);
}

KubeClient connect(const std::string& kubeconfig) {
  return KubeClient::connect(kubeconfig.empty() ? std::nullopt
                                                : std::optional<std::filesystem::path>(kubeconfig));
}

/// What callers can make us use of the 256 MiB that manifests/base allows; the rest is for the
/// program itself, and for what malloc keeps. Without its headroom it holds the largest body that
/// server.maxRequestBytes can allow, and its parser.
constexpr std::size_t kMemory = std::size_t{192} << 20U;
constexpr std::size_t kHeadroom = std::size_t{48} << 20U;
/// Apart, so that nothing that happens on the other listener keeps a probe out.
constexpr std::size_t kOpsMemory = std::size_t{24} << 20U;

/// Large buffers go back to the kernel when they are freed. Left alone, malloc keeps ever larger
/// ones once one of them was freed.
void give_large_buffers_back() { ::mallopt(M_MMAP_THRESHOLD, 128 << 10); }

}  // namespace

Serving::Serving(const ServingOptions& options)
    : program_version_(options.version),
      metrics_(options.version),
      live_(options.read_config, metrics_),
      config_(live_.at_start()),
      version_(make_version_source(options.kubeconfig)),
      nodes_(make_node_awareness(options.kubeconfig)),
      managed_(make_managed(options)),
      certificate_(managed_ ? nullptr : read_certificate()),
      memory_(std::make_shared<MemoryBudget>(kMemory, kHeadroom)),
      admission_(admission_options(), make_admission_routes(admission_parts())),
      ops_({.address = config_.server.ops_listen,
            .max_connections = limits_.ops,
            .newcomer = Newcomer::kAlwaysGetsIn,
            .memory = std::make_shared<MemoryBudget>(kOpsMemory),
            .workers = 2,
            .on_bug = log_bug},
           make_ops_routes(ready_checks(), [this] { return metrics_.to_text(gauges()); })) {
  give_large_buffers_back();
}

Serving::~Serving() = default;

void Serving::start() {
  for (const std::string& warning : to_config_warnings(config_)) spdlog::warn("{}", warning);
  version_->start();
  if (nodes_) nodes_->start();
  if (managed_) managed_->start();
  ops_.start();
  admission_.start();
  log_fields("serving", {{"version", program_version_},
                         {"address", admission_.address()},
                         {"ops_address", ops_.address()}});
  if (!no_nodes_.empty()) spdlog::info("nodes: not looked at: {}", no_nodes_);
}

void Serving::reload() {
  live_.reload();
  if (certificate_) reload_certificate();
}

void Serving::reload_certificate() {
  const auto reload = certificate_->reload();
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

std::unique_ptr<ClusterVersionSource> Serving::make_version_source(const std::string& kubeconfig) {
  if (!config_.cluster.kube_version.empty()) {
    return std::make_unique<ClusterVersionSource>(fixed_version(config_.cluster.kube_version));
  }
  auto client = std::make_shared<const KubeClient>(connect(kubeconfig));
  return std::make_unique<ClusterVersionSource>(
      [client](const std::stop_token& stop) {
        return ask_api_server(*client, kOldestSandboxVersion, stop);
      },
      ClusterVersionSource::Options{
          .refresh_interval = config_.cluster.refresh_interval,
          .minimum = [this] { return live_.sandbox()->policy.minimum_version; },
          .on_log = log_line});
}

std::unique_ptr<NodeAwareness> Serving::make_node_awareness(const std::string& kubeconfig) {
  if (!config_.cluster.node_awareness) return nullptr;
  try {
    return std::make_unique<NodeAwareness>(connect(kubeconfig), log_line);
  } catch (const std::exception& error) {
    // Who says which version the cluster is may do without an API server.
    if (config_.cluster.kube_version.empty()) throw;
    no_nodes_ = error.what();
    return nullptr;
  }
}

std::unique_ptr<ManagedCertificate> Serving::make_managed(const ServingOptions& options) {
  const TlsConfig& tls = config_.server.tls;
  if (tls.source != CertificateSource::kManaged) return nullptr;
  KubeClient client = connect(options.kubeconfig);
  const ManagedNames names{.ns = client.own_namespace(),
                           .secret = tls.managed.secret_name,
                           .service = tls.managed.service_name,
                           .configuration = tls.managed.webhook_configuration_name};
  return std::make_unique<ManagedCertificate>(
      std::move(client),
      ManagedCertificate::Options{
          .names = names,
          .times = options.certificate_times,
          .rules = tls_rules(),
          .client_ca = tls.client_ca_file,
          .on_event = [this](CertificateEvent event) { metrics_.count_certificate_event(event); },
          .on_log = log_line});
}

std::unique_ptr<ServingCertificate> Serving::read_certificate() const {
  return std::make_unique<ServingCertificate>(
      CertificateFiles{.certificate = config_.server.tls.cert_file,
                       .key = config_.server.tls.key_file,
                       .client_ca = config_.server.tls.client_ca_file},
      tls_rules());
}

TlsRules Serving::tls_rules() const {
  const TlsConfig& tls = config_.server.tls;
  return {.min_version = tls.min_version == "1.3" ? TlsVersion::kTls13 : TlsVersion::kTls12,
          .client_names = tls.client_names};
}

std::shared_ptr<SSL_CTX> Serving::tls_context() const {
  return managed_ ? managed_->context() : certificate_->context();
}

ListenerOptions Serving::admission_options() {
  return {.address = config_.server.listen,
          .max_body_bytes = config_.server.max_request_bytes,
          .max_connections = limits_.admission,
          .memory = memory_,
          .tls = [this] { return tls_context(); },
          .on_response = [this](int status) { metrics_.count_response(status); },
          .on_answered = [this](auto time) { metrics_.count_request(time); },
          .observer = {.on_closed = [this](CloseCause cause) { metrics_.count_closed(cause); },
                       .on_handshake_failed =
                           [this](HandshakeFailure why) { metrics_.count_failed_handshake(why); }},
          .on_bug = log_bug};
}

AdmissionParts Serving::admission_parts() {
  return {
      .sandbox = [this] { return live_.sandbox(); },
      .cluster = [this]() -> std::optional<ClusterState> {
        const auto servers = version_->servers();
        if (!servers) return std::nullopt;
        return ClusterState{
            .version = servers->oldest.version,
            .drops_sandbox = servers->drops.value_or(false),
            .api_servers_differ = servers->differ(live_.sandbox()->policy.minimum_version),
            .nodes = nodes_ ? nodes_->snapshot() : nullptr};
      },
      .on_reviewed = [this](const Reviewed& reviewed, const HttpRequest& request,
                            std::chrono::duration<double> time) { note(reviewed, request, time); },
      .memory = memory_};
}

void Serving::note(const Reviewed& reviewed, const HttpRequest& request,
                   std::chrono::duration<double> time) {
  metrics_.count_review(reviewed.outcome, reviewed.reason, reviewed.dry_run, time);
  const std::string since_arrival = to_seconds(Clock::now() - request.arrived);
  log_fields("review", {{"uid", reviewed.uid},
                        {"namespace", reviewed.ns},
                        {"name", reviewed.name},
                        {"outcome", to_string(reviewed.outcome)},
                        {"reason", to_string(reviewed.reason)},
                        {"dry_run", reviewed.dry_run ? "true" : "false"},
                        {"duration_seconds", since_arrival},
                        {"trace_id", request.trace_id}});
}

ReadyCheck Serving::certificate_check() {
  if (managed_) {
    return {"certificate", [this] { return managed_->failure(); },
            [this] { return managed_->note(); }};
  }
  return {"certificate", [this] {
            return certificate_->is_valid_now() ? "" : "the certificate in use is not valid now";
          }};
}

std::vector<ReadyCheck> Serving::ready_checks() {
  return {
      certificate_check(),
      {"cluster-version",
       [this] { return version_->current() ? "" : "the API server has not told it yet"; },
       [this] { return version_->differences(); }},
      {"sandbox-probe", [] { return ""; }, [this] { return version_->probe_summary(); }},
      {"nodes", [] { return ""; }, [this] { return nodes_ ? nodes_->note() : "not looked at"; }},
      {"shutdown", [this] { return is_draining_ ? "draining" : ""; }}};
}

Gauges Serving::gauges() const {
  const auto cluster = version_->current();
  const auto servers = version_->servers();
  return {.in_flight_requests = admission_.in_flight(),
          .open_connections = admission_.open_connections(),
          .lost_log_lines = lost_log_lines(),
          .cluster_version_age = version_->age(),
          .cluster_git_version = cluster ? cluster->git_version : "",
          .cluster_drops_sandbox = servers ? servers->drops : std::nullopt,
          .certificate_expires_at = managed_ ? managed_->expires_at() : certificate_->expires_at(),
          .authority_expires_at = managed_ ? managed_->authority_expires_at() : WallTime{},
          .looks_at_nodes = nodes_ != nullptr,
          .nodes = nodes_ ? nodes_->counts() : std::nullopt};
}

}  // namespace webhook
