#include "server/config.h"

#include <algorithm>
#include <exception>

#include "base/dns_name.h"
#include "os/file.h"
#include "server/sandbox_config.h"
#include "yaml/documents.h"
#include "yaml/error.h"
#include "yaml/section.h"

namespace webhook {
namespace {

using std::chrono::milliseconds;

/// No ConfigMap is larger.
constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20U;

void read_target(const YamlSection& target, Policy& policy) {
  target.read("containerName", policy.container_name);
  if (!is_dns_label(policy.container_name) || policy.container_name == "install-seccomp") {
    target.fail("containerName", "'" + policy.container_name +
                                     "' (expected the name of a container, such as code-executor)");
  }
}

void read_cluster(const YamlSection& cluster, ClusterConfig& config) {
  cluster.read("kubeVersion", config.kube_version);
  if (!config.kube_version.empty()) {
    const auto version = parse_kube_version(config.kube_version);
    if (!version) cluster.fail("kubeVersion", version.error().message);
  }
  cluster.read("refreshInterval", config.refresh_interval, milliseconds(1'000),
               milliseconds(3'600'000));
  cluster.read("nodeAwareness", config.node_awareness);
}

void read_name(const YamlSection& section, std::string_view key, std::string& name) {
  section.read(key, name);
  if (!is_dns_subdomain(name)) section.fail(key, "'" + name + "' (expected the name of an object)");
}

void read_certificate_source(const YamlSection& tls, TlsConfig& config) {
  // Whoever names files and no source has a configuration of a release that knew no other.
  const bool has_files = tls.has("certFile") || tls.has("keyFile");
  if (has_files) config.source = CertificateSource::kFiles;
  tls.read("source", config.source,
           {{"managed", CertificateSource::kManaged}, {"files", CertificateSource::kFiles}});
  const auto managed =
      tls.section("managed", {"secretName", "serviceName", "webhookConfigurationName"});
  read_name(managed, "secretName", config.managed.secret_name);
  managed.read("serviceName", config.managed.service_name);
  if (!is_dns_label(config.managed.service_name)) {
    managed.fail("serviceName",
                 "'" + config.managed.service_name + "' (expected the name of a Service)");
  }
  read_name(managed, "webhookConfigurationName", config.managed.webhook_configuration_name);
  read_text(tls, "certFile", config.cert_file, false);
  read_text(tls, "keyFile", config.key_file, false);
}

void read_server(const YamlSection& server, ServerConfig& config) {
  read_text(server, "listen", config.listen, false);
  read_text(server, "opsListen", config.ops_listen, false);
  const auto tls = server.section("tls", {"source", "managed", "certFile", "keyFile", "minVersion",
                                          "clientCAFile", "clientNames"});
  read_certificate_source(tls, config.tls);
  tls.read<std::string>("minVersion", config.tls.min_version, {{"1.2", "1.2"}, {"1.3", "1.3"}});
  read_text(tls, "clientCAFile", config.tls.client_ca_file, true);
  tls.read("clientNames", config.tls.client_names);
  for (const std::string& name : config.tls.client_names) {
    const bool is_printable =
        std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!is_printable) tls.fail("clientNames", "is not printable (expected names)");
    if (name.empty()) tls.fail("clientNames", "'' (expected names)");
  }
  if (!config.tls.client_names.empty() && config.tls.client_ca_file.empty()) {
    tls.fail("clientNames", "names without a CA (expected clientCAFile too)");
  }
  server.read("maxRequestBytes", config.max_request_bytes, 64U << 10U, 8U << 20U);
  server.read("shutdownDelay", config.shutdown_delay, milliseconds(0), milliseconds(300'000));
  server.read("drainTimeout", config.drain_timeout, milliseconds(0), milliseconds(300'000));
}

void read_log(const YamlSection& log, LogConfig& config) {
  log.read<std::string>("level", config.level,
                        {{"trace", "trace"},
                         {"debug", "debug"},
                         {"info", "info"},
                         {"warning", "warning"},
                         {"error", "error"}});
  log.read("format", config.format, {{"json", LogFormat::kJson}, {"text", LogFormat::kText}});
}

/// Throws YamlError.
Config read_config(const std::string& text, const std::string& name) {
  const std::vector<YAML::Node> documents = load_yaml(text, name);
  if (documents.size() > 1) throw YamlError(name + ": several documents (expected one)");
  Config config;
  const YamlSection root(documents.empty() ? YAML::Node() : documents.front(), name, "",
                         {"target", "sandbox", "cluster", "server", "log"});
  read_target(root.section("target", {"containerName"}), config.policy);
  read_sandbox(
      root.section("sandbox", {"minimumKubernetesVersion", "fallback", "nodeFallback", "idsPerPod",
                               "replaceChartDefault", "appArmorProfile", "seccomp", "installer"}),
      config);
  read_cluster(root.section("cluster", {"kubeVersion", "refreshInterval", "nodeAwareness"}),
               config.cluster);
  read_server(root.section("server", {"listen", "opsListen", "tls", "maxRequestBytes",
                                      "shutdownDelay", "drainTimeout"}),
              config.server);
  read_log(root.section("log", {"level", "format"}), config.log);
  return config;
}

}  // namespace

std::vector<std::string> to_config_warnings(const Config& config) {
  std::vector<std::string> warnings;
  if (config.policy.localhost_profile.find(kDigestPlaceholder) == std::string::npos) {
    warnings.emplace_back(
        "sandbox.seccomp.localhostProfile: has no {sha256}: a profile of another content would "
        "replace the one that running pods restart under");
  }
  return warnings;
}

Result<Config> parse_config(const std::string& text, const std::string& name) {
  try {
    return read_config(text, name);
  } catch (const std::exception& error) {  // YamlError; whatever yaml-cpp throws ends here too
    return Error{error.what()};
  }
}

Result<Config> load_config(const std::string& file) {
  const auto text = try_read_file(file, kMaxConfigBytes);
  if (!text) return Error{text.error().message + " (expected a YAML file)"};
  return parse_config(*text, file);
}

}  // namespace webhook
