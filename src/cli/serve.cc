#include <csignal>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/value_or_throw.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "os/core_dumps.h"
#include "server/log.h"
#include "server/serving.h"

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
  std::vector<int> certificate_seconds;
};

Result<Config> make_serve_config(const ServeFlags& flags) {
  auto made = make_config(flags.common);
  if (!made) return made;
  ServerConfig& server = made->server;
  const auto override_with = [](const std::string& flag, std::string& value) {
    if (!flag.empty()) value = flag;
  };
  override_with(flags.listen, server.listen);
  override_with(flags.ops_listen, server.ops_listen);
  override_with(flags.tls_cert, server.tls.cert_file);
  override_with(flags.tls_key, server.tls.key_file);
  override_with(flags.client_ca, server.tls.client_ca_file);
  if (!flags.tls_cert.empty() || !flags.tls_key.empty()) {
    server.tls.source = CertificateSource::kFiles;
  }
  return made;
}

CertificateTimes certificate_times(const std::vector<int>& seconds) {
  if (seconds.empty()) return {};
  const auto at = [&](std::size_t i) { return std::chrono::seconds(seconds.at(i)); };
  return {.authority_life = at(0),
          .leaf_life = at(1),
          .trust_delay = at(2),
          .poll = at(3),
          .clock_tolerance = at(4)};
}

void run(const ServeFlags& flags) {
  // Before any thread is made, so that signals reach the loop below and nobody else.
  sigset_t endings;
  sigemptyset(&endings);
  sigaddset(&endings, SIGTERM);
  sigaddset(&endings, SIGINT);
  sigset_t signals = endings;
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  forbid_core_dumps();
  const Config config = value_or_throw(make_serve_config(flags));
  set_up_logging(config.log.level, config.log.format);
  Serving serving({.read_config = [flags] { return make_serve_config(flags); },
                   .kubeconfig = flags.common.kubeconfig,
                   .version = WEBHOOK_VERSION,
                   .certificate_times = certificate_times(flags.certificate_seconds)});
  serving.start();
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &kReloadInterval);
    if (signal == SIGTERM || signal == SIGINT) break;
    serving.reload();
  }
  // A second SIGTERM or SIGINT ends at once. SIGHUP stays blocked: there is nothing to reload.
  pthread_sigmask(SIG_UNBLOCK, &endings, nullptr);
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
  // In no help: for tests, in which a CA lives a minute.
  command
      ->add_option("--certificate-seconds", flags->certificate_seconds,
                   "Lives of CA and leaf, trust delay, poll, clock tolerance")
      ->expected(5)
      ->delimiter(',')
      ->check(CLI::PositiveNumber)
      ->group("");
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook
