#include "server/config.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "admission/sandbox.h"
#include "base/dns_name.h"
#include "os/file.h"
#include "yaml/documents.h"
#include "yaml/error.h"
#include "yaml/section.h"

namespace webhook {
namespace {

using std::chrono::milliseconds;

bool has_dot_dot(std::string_view path) {
  return ("/" + std::string(path) + "/").find("/../") != std::string::npos;
}

/// A Kubernetes quantity that is not negative: "10m", "0.5", "16Mi", "1e3".
bool is_quantity(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, digits);
  const bool is_number =
      std::count(number.begin(), number.end(), '.') <= 1 && number != "." && !number.empty();
  constexpr std::array kSuffixes = {"",  "n", "u",  "m",  "k",  "M",  "G",  "T",
                                    "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  return is_number &&
         std::find(kSuffixes.begin(), kSuffixes.end(), text.substr(digits)) != kSuffixes.end();
}

/// Reads one line of text without control characters.
void read_text(const YamlSection& section, std::string_view key, std::string& value,
               bool may_be_empty) {
  section.read(key, value);
  if (value.empty() && !may_be_empty) section.fail(key, "is empty (expected a value)");
  const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  if (has_control) section.fail(key, "has a control character (expected one line of text)");
}

void read_target(const YamlSection& target, Policy& policy) {
  target.read("containerName", policy.container_name);
  if (!is_dns_label(policy.container_name) || policy.container_name == "install-seccomp") {
    target.fail("containerName", "'" + policy.container_name +
                                     "' (expected the name of a container, such as code-executor)");
  }
}

void read_minimum_version(const YamlSection& sandbox, Policy& policy) {
  std::string text = to_string(policy.minimum_version);
  sandbox.read("minimumKubernetesVersion", text);
  const auto version = parse_kube_version(text);
  if (!version) sandbox.fail("minimumKubernetesVersion", version.error().message);
  if (*version < kOldestSandboxVersion) {
    sandbox.fail("minimumKubernetesVersion",
                 "'" + text +
                     "' (expected 1.33 or later: older API servers drop hostUsers and procMount "
                     "in silence)");
  }
  policy.minimum_version = *version;
}

void read_app_armor_profile(const YamlSection& sandbox, Policy& policy) {
  const std::string& profile = policy.app_armor_profile;
  read_text(sandbox, "appArmorProfile", policy.app_armor_profile, true);
  const bool is_local = profile.starts_with("Localhost/") && profile.size() > 10;
  if (!profile.empty() && profile != "Unconfined" && profile != "RuntimeDefault" && !is_local) {
    sandbox.fail(
        "appArmorProfile",
        "'" + profile + "' (expected Unconfined, RuntimeDefault, Localhost/<name> or \"\")");
  }
}

/// What a digest looks like, to check names that are made with one.
const std::string kAnyDigest(64, 'a');

/// Names of files hold 255 bytes; the installer's temporary file needs some of them.
constexpr std::size_t kMaxComponent = 240;

/// The API server takes newlines and 5,000 characters; the kubelet would have to open such a file.
void check_localhost_profile(const YamlSection& seccomp, const std::string& name) {
  const auto fail = [&](const std::string& what) { seccomp.fail("localhostProfile", what); };
  const std::string path = with_digest(name, kAnyDigest);
  const bool is_printable =
      std::all_of(path.begin(), path.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!is_printable) fail("is not printable (expected ASCII without control characters)");
  if (path.find_first_of("{}") != std::string::npos) {
    fail("'" + name + "' (expected no other placeholder than {sha256})");
  }
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string component = path.substr(begin, end - begin);
    if (component.empty() || component == "." || component == "..") {
      fail("'" + name + "' (expected a relative path of a file without ..)");
    }
    if (component.size() > kMaxComponent) {
      fail("has a component of " + std::to_string(component.size()) + " bytes (expected at most " +
           std::to_string(kMaxComponent) + ')');
    }
    begin = end + 1;
  }
}

void read_seccomp(const YamlSection& seccomp, Config& config) {
  Policy& policy = config.policy;
  read_text(seccomp, "profileFile", config.profile_file, true);
  read_text(seccomp, "localhostProfile", policy.localhost_profile, false);
  check_localhost_profile(seccomp, policy.localhost_profile);
  seccomp.read("delivery", policy.delivery,
               {{"configMap", Delivery::kConfigMap},
                {"annotation", Delivery::kAnnotation},
                {"preinstalled", Delivery::kPreinstalled}});
  seccomp.read("configMapName", policy.config_map_name);
  if (!is_dns_subdomain(with_digest(policy.config_map_name, kAnyDigest))) {
    seccomp.fail("configMapName", "'" + policy.config_map_name +
                                      "' (expected the name of a ConfigMap, in which {sha256} "
                                      "stands for the profile's digest)");
  }
  read_text(seccomp, "kubeletSeccompDir", policy.kubelet_seccomp_dir, false);
  if (!policy.kubelet_seccomp_dir.starts_with('/') || has_dot_dot(policy.kubelet_seccomp_dir)) {
    seccomp.fail("kubeletSeccompDir",
                 "'" + policy.kubelet_seccomp_dir + "' (expected an absolute path without ..)");
  }
}

/// As the kubelet checks its own userNamespaces.idsPerPod: pkg/kubelet/apis/config/validation.
void read_ids_per_pod(const YamlSection& sandbox, Policy& policy) {
  constexpr std::size_t kRange = 65'536;
  auto ids = static_cast<std::size_t>(policy.ids_per_pod);
  sandbox.read("idsPerPod", ids, kRange, (std::size_t{1} << 32U) - kRange);
  if (ids % kRange != 0) {
    sandbox.fail("idsPerPod", std::to_string(ids) + " (expected a multiple of 65536)");
  }
  policy.ids_per_pod = static_cast<std::int64_t>(ids);
}

void read_se_linux_options(const YamlSection& installer, Policy& policy) {
  const auto options = installer.section("seLinuxOptions", {"level", "role", "type", "user"});
  for (const char* key : {"level", "role", "type", "user"}) {
    std::string value;
    read_text(options, key, value, true);
    if (!value.empty()) policy.installer_se_linux_options[key] = value;
  }
}

void read_quantities(const YamlSection& resources, std::string_view key,
                     std::map<std::string, std::string>& quantities) {
  resources.read(key, quantities);
  for (const char* resource : {"cpu", "memory"}) {
    if (!quantities.contains(resource)) {
      resources.fail(key, std::string(resource) +
                              " is missing (expected cpu and memory: a ResourceQuota refuses pods "
                              "without them)");
    }
  }
  for (const auto& [name, quantity] : quantities) {
    if (!is_quantity(quantity)) {
      std::string what = name + ": '";
      what.append(quantity).append("' (expected a quantity such as 10m or 16Mi)");
      resources.fail(key, what);
    }
  }
}

void read_sandbox(const YamlSection& sandbox, Config& config) {
  Policy& policy = config.policy;
  read_minimum_version(sandbox, policy);
  sandbox.read("fallback", policy.fallback,
               {{"privileged", Fallback::kPrivileged},
                {"unchanged", Fallback::kUnchanged},
                {"deny", Fallback::kDeny}});
  read_ids_per_pod(sandbox, policy);
  sandbox.read("replaceChartDefault", policy.replace_chart_default);
  read_app_armor_profile(sandbox, policy);
  read_seccomp(sandbox.section("seccomp", {"profileFile", "localhostProfile", "delivery",
                                           "configMapName", "kubeletSeccompDir"}),
               config);
  const auto installer = sandbox.section("installer", {"image", "resources", "seLinuxOptions"});
  read_text(installer, "image", policy.installer_image, false);
  const auto resources = installer.section("resources", {"requests", "limits"});
  read_quantities(resources, "requests", policy.installer_resources.requests);
  read_quantities(resources, "limits", policy.installer_resources.limits);
  read_se_linux_options(installer, policy);
}

void read_cluster(const YamlSection& cluster, ClusterConfig& config) {
  cluster.read("kubeVersion", config.kube_version);
  if (!config.kube_version.empty()) {
    const auto version = parse_kube_version(config.kube_version);
    if (!version) cluster.fail("kubeVersion", version.error().message);
  }
  cluster.read("refreshInterval", config.refresh_interval, milliseconds(1'000),
               milliseconds(3'600'000));
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

Config parse_config(const std::string& text, const std::string& name) {
  const std::vector<YAML::Node> documents = load_yaml(text, name);
  if (documents.size() > 1) throw YamlError(name + ": several documents (expected one)");
  Config config;
  const YamlSection root(documents.empty() ? YAML::Node() : documents.front(), name, "",
                         {"target", "sandbox", "cluster", "server", "log"});
  read_target(root.section("target", {"containerName"}), config.policy);
  read_sandbox(
      root.section("sandbox", {"minimumKubernetesVersion", "fallback", "idsPerPod",
                               "replaceChartDefault", "appArmorProfile", "seccomp", "installer"}),
      config);
  read_cluster(root.section("cluster", {"kubeVersion", "refreshInterval"}), config.cluster);
  read_server(root.section("server", {"listen", "opsListen", "tls", "maxRequestBytes",
                                      "shutdownDelay", "drainTimeout"}),
              config.server);
  read_log(root.section("log", {"level", "format"}), config.log);
  return config;
}

Config load_config(const std::string& file) {
  const auto text = try_read_file(file);
  if (!text) throw YamlError(text.error().message + " (expected a YAML file)");
  return parse_config(*text, file);
}

}  // namespace webhook
