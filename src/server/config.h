#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "admission/policy.h"
#include "server/log.h"

namespace webhook {

struct ClusterConfig {
  std::string kube_version;  ///< Fixed; empty: ask the API server.
  std::chrono::milliseconds refresh_interval{60'000};
  bool node_awareness = true;  ///< Whether nodes are looked at.

  friend bool operator==(const ClusterConfig&, const ClusterConfig&) = default;
};

/// Where the serving certificate comes from: made by ourselves, or read from files.
enum class CertificateSource { kManaged, kFiles };

/// The objects that managed certificates need.
struct ManagedConfig {
  std::string secret_name = "code-executor-webhook-ca";
  std::string service_name = "code-executor-webhook";
  std::string webhook_configuration_name = "code-executor-webhook";

  friend bool operator==(const ManagedConfig&, const ManagedConfig&) = default;
};

struct TlsConfig {
  CertificateSource source = CertificateSource::kManaged;
  ManagedConfig managed;
  std::string cert_file = "/etc/code-executor-webhook/tls/tls.crt";
  std::string key_file = "/etc/code-executor-webhook/tls/tls.key";
  std::string min_version = "1.2";        ///< "1.2" or "1.3".
  std::string client_ca_file;             ///< Set: only clients with a certificate of this CA.
  std::vector<std::string> client_names;  ///< And, if not empty, one of these names.

  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

struct ServerConfig {
  std::string listen = "[::]:10250";  ///< The port private clusters already open to their nodes.
  std::string ops_listen = "[::]:8080";
  TlsConfig tls;
  std::size_t max_request_bytes = 7U << 20U;
  std::chrono::milliseconds shutdown_delay{10'000};
  std::chrono::milliseconds drain_timeout{20'000};

  friend bool operator==(const ServerConfig&, const ServerConfig&) = default;
};

struct LogConfig {
  std::string level = "info";
  LogFormat format = LogFormat::kJson;

  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

/// The configuration file, with its defaults.
struct Config {
  Policy policy;             ///< `policy.profile` is left to the caller.
  std::string profile_file;  ///< Empty: the profile built into the binary.
  ClusterConfig cluster;
  ServerConfig server;
  LogConfig log;

  friend bool operator==(const Config&, const Config&) = default;
};

/// Reads YAML `text`; `name` stands in messages. Error: "config.yaml:3:5: key: what".
Result<Config> parse_config(const std::string& text, const std::string& name);

/// Reads a file.
Result<Config> load_config(const std::string& file);

/// What is allowed, and should be known to who starts the server.
std::vector<std::string> to_config_warnings(const Config& config);

}  // namespace webhook
