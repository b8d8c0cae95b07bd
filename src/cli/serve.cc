#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "cli/commands.h"
#include "cli/common.h"
#include "kube/client.h"
#include "kube/cluster_version.h"
#include "kube/sandbox_probe.h"
#include "server/metrics.h"
#include "server/routes.h"
#include "tls/serving_certificate.h"

namespace webhook {
namespace {

/// How often the certificate and the configuration are compared with what is in use.
constexpr timespec kReloadInterval{.tv_sec = 10, .tv_nsec = 0};

struct ServeFlags {
  CommonFlags common;
  std::string listen;
  std::string ops_listen;
  std::string tls_cert;
  std::string tls_key;
  std::string client_ca;
};

Config make_serve_config(const ServeFlags& flags) {
  Config config = make_config(flags.common);
  const auto override_with = [](const std::string& flag, std::string& value) {
    if (!flag.empty()) value = flag;
  };
  override_with(flags.listen, config.server.listen);
  override_with(flags.ops_listen, config.server.ops_listen);
  override_with(flags.tls_cert, config.server.tls.cert_file);
  override_with(flags.tls_key, config.server.tls.key_file);
  override_with(flags.client_ca, config.server.tls.client_ca_file);
  return config;
}

ClusterVersion fixed_version(const std::string& text) {
  return {.version = parse_kube_version(text).value(), .git_version = text};
}

/// The configuration in use: what a review needs of it can be replaced while the server runs.
class LiveConfig {
 public:
  LiveConfig(const ServeFlags& flags, Metrics& metrics)
      : flags_(flags), metrics_(metrics), config_(make_serve_config(flags)) {
    sandbox_ = make_sandbox_of(config_);
  }

  [[nodiscard]] const Config& at_start() const { return config_; }
  [[nodiscard]] std::shared_ptr<const Sandbox> sandbox() const {
    const std::lock_guard lock(mutex_);
    return sandbox_;
  }

  /// Reads the file and the profile again. A bad one is said once, and the good one stays.
  void reload() {
    try {
      const Config fresh = make_serve_config(flags_);
      auto sandbox = make_sandbox_of(fresh);
      const bool is_new =
          fresh != last_ || sandbox->policy.profile != this->sandbox()->policy.profile;
      if (!is_new && problem_.empty()) return;
      if (fresh.cluster != config_.cluster || fresh.server != config_.server ||
          fresh.log.format != config_.log.format) {
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
    } catch (const std::exception& error) {
      if (problem_ == error.what()) return;
      problem_ = error.what();
      metrics_.count_config_reload(false);
      spdlog::warn("configuration: the last good one stays: {}", problem_);
    }
  }

 private:
  const ServeFlags flags_;
  Metrics& metrics_;
  const Config config_;
  Config last_ = config_;
  std::string problem_;       ///< With the last reload; empty if there was none.
  mutable std::mutex mutex_;  ///< Of what follows.
  std::shared_ptr<const Sandbox> sandbox_;
};

/// All parts of the running server; knows how they are put together, and in what order they end.
class Serving {
 public:
  explicit Serving(const ServeFlags& flags)
      : live_(flags, metrics_),
        config_(live_.at_start()),
        version_(make_version_source(flags)),
        certificate_({.certificate = config_.server.tls.cert_file,
                      .key = config_.server.tls.key_file,
                      .client_ca = config_.server.tls.client_ca_file},
                     {.min_version = config_.server.tls.min_version == "1.3" ? TlsVersion::kTls13
                                                                             : TlsVersion::kTls12,
                      .client_names = config_.server.tls.client_names}),
        admission_(admission_options(), make_admission_routes(admission_parts())),
        ops_({.address = config_.server.ops_listen, .workers = 2},
             make_ops_routes(ready_checks(), [this] { return metrics_.to_text(gauges()); })) {}

  void start() {
    version_->start();
    ops_.start();
    admission_.start();
    log_fields("serving", {{"version", WEBHOOK_VERSION},
                           {"address", admission_.address()},
                           {"ops_address", ops_.address()}});
  }

  void reload() {
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

  void drain() {
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

 private:
  /// The probe goes with each question for the version, before its answer is in force; not to an
  /// API server that is too old anyway.
  std::unique_ptr<ClusterVersionSource> make_version_source(const ServeFlags& flags) {
    if (!config_.cluster.kube_version.empty()) {
      return std::make_unique<ClusterVersionSource>(fixed_version(config_.cluster.kube_version));
    }
    const auto kubeconfig = flags.common.kubeconfig.empty()
                                ? std::nullopt
                                : std::optional<std::filesystem::path>(flags.common.kubeconfig);
    auto client = std::make_shared<const KubeClient>(KubeClient::connect(kubeconfig));
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

  ListenerOptions admission_options() {
    return {.address = config_.server.listen,
            .max_body_bytes = config_.server.max_request_bytes,
            .tls = [this] { return certificate_.context(); },
            .on_response = [this](int status) { metrics_.count_response(status); }};
  }

  AdmissionParts admission_parts() {
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

  void note(const Reviewed& reviewed, std::chrono::duration<double> time) {
    metrics_.count_review(reviewed.outcome, reviewed.reason, reviewed.dry_run, time);
    log_fields("review", {{"uid", reviewed.uid},
                          {"namespace", reviewed.ns},
                          {"name", reviewed.name},
                          {"outcome", to_string(reviewed.outcome)},
                          {"reason", to_string(reviewed.reason)},
                          {"dry_run", reviewed.dry_run ? "true" : "false"},
                          {"duration_seconds", std::to_string(time.count())}});
  }

  std::vector<ReadyCheck> ready_checks() {
    return {{"certificate",
             [this] {
               return certificate_.is_valid_now() ? "" : "the certificate in use is not valid now";
             }},
            {"cluster-version",
             [this] { return version_->current() ? "" : "the API server has not told it yet"; }},
            {"sandbox-probe", [] { return ""; }, [this] { return probe_->summary(); }},
            {"shutdown", [this] { return is_draining_ ? "draining" : ""; }}};
  }

  Gauges gauges() {
    return {
        .in_flight_requests = [this] { return static_cast<double>(admission_.in_flight()); },
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

  Metrics metrics_{WEBHOOK_VERSION};
  LiveConfig live_;
  const Config& config_;
  std::unique_ptr<SandboxProbe> probe_ = std::make_unique<SandboxProbe>();
  std::unique_ptr<ClusterVersionSource> version_;
  ServingCertificate certificate_;
  std::atomic<bool> is_draining_{false};
  // Last: their threads end before what they use goes.
  HttpListener admission_;
  HttpListener ops_;
};

void run(const ServeFlags& flags) {
  // Before any thread is made, so that signals reach the loop below and nobody else.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const Config config = make_serve_config(flags);
  set_up_logging(config.log.level, config.log.format);
  Serving serving(flags);
  serving.start();
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &kReloadInterval);
    if (signal == SIGTERM || signal == SIGINT) break;
    serving.reload();
  }
  // A second signal ends at once.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  serving.drain();
}

}  // namespace

void add_serve(CLI::App& app) {
  auto* command = app.add_subcommand("serve", "Serve admission reviews over HTTPS");
  const auto flags = std::make_shared<ServeFlags>();
  add_config_flags(*command, flags->common);
  add_version_flags(*command, flags->common);
  add_log_flags(*command, flags->common);
  command->add_option("--listen", flags->listen, "Address of the HTTPS server; port 0 picks one")
      ->type_name("ADDR");
  command->add_option("--ops-listen", flags->ops_listen, "Address of /livez, /readyz and /metrics")
      ->type_name("ADDR");
  command->add_option("--tls-cert", flags->tls_cert, "Serving certificate and intermediates (PEM)")
      ->type_name("FILE");
  command->add_option("--tls-key", flags->tls_key, "Its private key (PEM)")->type_name("FILE");
  command
      ->add_option("--client-ca", flags->client_ca,
                   "Only clients with a certificate of this CA (PEM) may connect")
      ->type_name("FILE");
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook
