#include "server/config.h"

#include <doctest/doctest.h>

namespace webhook {
namespace {

std::string refusal(const std::string& text) {
  const auto config = parse_config(text, "config.yaml");
  return config ? "accepted" : config.error().message;
}

TEST_CASE("the configuration that is installed holds the defaults") {
  CHECK((*load_config(MANIFESTS "/base/config.yaml") == Config{}));
}

TEST_CASE("files are the source of a certificate where they are named, and no source is") {
  struct Row {
    const char* text;
    CertificateSource want;
  };
  for (const Row& row : {
           Row{"", CertificateSource::kManaged},
           Row{"server: {tls: {minVersion: \"1.3\"}}", CertificateSource::kManaged},
           Row{"server: {tls: {certFile: a}}", CertificateSource::kFiles},
           Row{"server: {tls: {keyFile: a}}", CertificateSource::kFiles},
           Row{"server: {tls: {source: files}}", CertificateSource::kFiles},
           Row{"server: {tls: {source: managed, certFile: a}}", CertificateSource::kManaged},
       }) {
    CAPTURE(row.text);
    CHECK((parse_config(row.text, "config.yaml")->server.tls.source == row.want));
  }
}

TEST_CASE("parse_config takes every key at its place") {
  const Config config = *parse_config(R"(
target: {containerName: executor}
sandbox:
  minimumKubernetesVersion: "1.34"
  fallback: deny
  nodeFallback: privileged
  idsPerPod: 131072
  replaceChartDefault: true
  appArmorProfile: Localhost/nsjail
  seccomp:
    profileFile: /profile.json
    localhostProfile: a/{sha256}/b.json
    delivery: annotation
    configMapName: my.{sha256}.profile
    kubeletSeccompDir: /data/kubelet/seccomp
  installer:
    image: mirror/busybox:1
    resources: {requests: {cpu: 1m, memory: 8Mi}, limits: {cpu: "0.5", memory: 1Gi, ephemeral-storage: 1M}}
    seLinuxOptions: {type: spc_t, level: "s0:c1,c2"}
cluster: {kubeVersion: v1.35.0, refreshInterval: 5m, nodeAwareness: false}
server:
  listen: 127.0.0.1:1
  opsListen: 127.0.0.1:2
  tls:
    source: managed
    managed: {secretName: my.ca, serviceName: hook, webhookConfigurationName: my.hook}
    certFile: c
    keyFile: k
    minVersion: "1.3"
    clientCAFile: ca
    clientNames: [one, two]
  maxRequestBytes: 1048576
  shutdownDelay: 1500ms
  drainTimeout: 5m
log: {level: debug, format: text}
)",
                                      "config.yaml");
  CHECK(config.policy.container_name == "executor");
  CHECK((config.policy.minimum_version == KubeVersion{1, 34}));
  CHECK((config.policy.fallback == Fallback::kDeny));
  CHECK((config.policy.node_fallback == Fallback::kPrivileged));
  CHECK(config.policy.replace_chart_default);
  CHECK(config.policy.app_armor_profile == "Localhost/nsjail");
  CHECK(config.profile_file == "/profile.json");
  CHECK(config.policy.ids_per_pod == 131072);
  CHECK(config.policy.localhost_profile == "a/{sha256}/b.json");
  CHECK((config.policy.delivery == Delivery::kAnnotation));
  CHECK(config.policy.config_map_name == "my.{sha256}.profile");
  CHECK(config.policy.kubelet_seccomp_dir == "/data/kubelet/seccomp");
  CHECK(config.policy.installer_image == "mirror/busybox:1");
  CHECK(config.policy.installer_resources.limits.at("ephemeral-storage") == "1M");
  CHECK(config.policy.installer_se_linux_options ==
        std::map<std::string, std::string>{{"level", "s0:c1,c2"}, {"type", "spc_t"}});
  CHECK(config.cluster.kube_version == "v1.35.0");
  CHECK(config.cluster.refresh_interval == std::chrono::minutes(5));
  CHECK_FALSE(config.cluster.node_awareness);
  CHECK(config.server.listen == "127.0.0.1:1");
  CHECK(config.server.ops_listen == "127.0.0.1:2");
  CHECK((config.server.tls.source == CertificateSource::kManaged));
  CHECK(config.server.tls.managed.secret_name == "my.ca");
  CHECK(config.server.tls.managed.service_name == "hook");
  CHECK(config.server.tls.managed.webhook_configuration_name == "my.hook");
  CHECK(config.server.tls.cert_file == "c");
  CHECK(config.server.tls.key_file == "k");
  CHECK(config.server.tls.min_version == "1.3");
  CHECK(config.server.tls.client_ca_file == "ca");
  CHECK((config.server.tls.client_names == std::vector<std::string>{"one", "two"}));
  CHECK(config.server.max_request_bytes == 1048576);
  CHECK(config.server.shutdown_delay == std::chrono::milliseconds(1500));
  CHECK(config.server.drain_timeout == std::chrono::minutes(5));
  CHECK(config.log.level == "debug");
  CHECK((config.log.format == LogFormat::kText));
}

TEST_CASE("parse_config keeps the defaults for what is absent, empty or null") {
  for (const char* text : {"", "# nothing\n", "sandbox:\nserver: {}\n", "null\n"}) {
    CAPTURE(text);
    const Config config = *parse_config(text, "config.yaml");
    CHECK(config.server.listen == "[::]:10250");
    CHECK(config.policy.container_name == "code-executor");
  }
}

TEST_CASE("parse_config names the place and what would be right") {
  struct Row {
    const char* text;
    const char* message;
  };
  for (const Row& row : {
           Row{"- a\n",
               "config.yaml:1:1: the document: not a mapping (expected target, sandbox, cluster, "
               "server, log)"},
           Row{"sandbx: {}\n",
               "config.yaml:1:1: unknown key 'sandbx' (known: target, sandbox, cluster, server, "
               "log)"},
           Row{"log:\n  levl: info\n",
               "config.yaml:2:3: unknown key 'log.levl' (known: level, format)"},
           Row{"log: {level: info}\nlog: {level: info}\n",
               "config.yaml:2:1: key 'log' is there twice, first at 1:1 (expected once)"},
           Row{"log: info\n", "config.yaml:1:6: log: not a mapping (expected level, format)"},
           Row{"log: {level: loud}\n",
               "config.yaml:1:14: log.level: 'loud' (expected one of trace, debug, info, warning, "
               "error)"},
           Row{"log: {level: }\n", "config.yaml:1:14: log.level: is empty (expected a string)"},
           Row{"log: {level: [info]}\n",
               "config.yaml:1:14: log.level: is a list (expected a string)"},
           Row{"target: {containerName: install-seccomp}\n",
               "config.yaml:1:25: target.containerName: 'install-seccomp' (expected the name of a "
               "container, such as code-executor)"},
           Row{"target: {containerName: Upper}\n",
               "config.yaml:1:25: target.containerName: 'Upper' (expected the name of a container, "
               "such as code-executor)"},
           Row{"sandbox:\n  minimumKubernetesVersion: \"1.32\"\n",
               "config.yaml:2:29: sandbox.minimumKubernetesVersion: '1.32' (expected 1.33 or "
               "later: older API servers drop hostUsers and procMount in silence)"},
           Row{"sandbox: {minimumKubernetesVersion: new}\n",
               "config.yaml:1:37: sandbox.minimumKubernetesVersion: not a Kubernetes version: "
               "'new' (expected v<major>.<minor>, such as v1.34.3)"},
           Row{"sandbox: {fallback: allow}\n",
               "config.yaml:1:21: sandbox.fallback: 'allow' (expected one of privileged, "
               "unchanged, deny)"},
           Row{"sandbox: {replaceChartDefault: yes}\n",
               "config.yaml:1:32: sandbox.replaceChartDefault: 'yes' (expected true or false)"},
           Row{"sandbox: {appArmorProfile: Localhost/}\n",
               "config.yaml:1:28: sandbox.appArmorProfile: 'Localhost/' (expected Unconfined, "
               "RuntimeDefault, Localhost/<name> or \"\")"},
           Row{"sandbox: {seccomp: {localhostProfile: ../x}}\n",
               "config.yaml:1:39: sandbox.seccomp.localhostProfile: '../x' (expected a relative "
               "path of a file without ..)"},
           Row{"sandbox: {seccomp: {localhostProfile: /x}}\n",
               "config.yaml:1:39: sandbox.seccomp.localhostProfile: '/x' (expected a relative path "
               "of a file without ..)"},
           Row{"sandbox: {seccomp: {configMapName: A}}\n",
               "config.yaml:1:36: sandbox.seccomp.configMapName: 'A' (expected the name of a "
               "ConfigMap, in which {sha256} stands for the profile's digest)"},
           Row{"sandbox: {seccomp: {configMapName: a..b}}\n",
               "config.yaml:1:36: sandbox.seccomp.configMapName: 'a..b' (expected the name of a "
               "ConfigMap, in which {sha256} stands for the profile's digest)"},
           Row{"sandbox: {seccomp: {delivery: mail}}\n",
               "config.yaml:1:31: sandbox.seccomp.delivery: 'mail' (expected one of configMap, "
               "annotation, preinstalled)"},
           Row{"sandbox: {seccomp: {localhostProfile: a//b}}\n",
               "config.yaml:1:39: sandbox.seccomp.localhostProfile: 'a//b' (expected a relative "
               "path of a file without ..)"},
           Row{"sandbox: {seccomp: {localhostProfile: a/}}\n",
               "config.yaml:1:39: sandbox.seccomp.localhostProfile: 'a/' (expected a relative path "
               "of a file without ..)"},
           Row{"sandbox: {seccomp: {localhostProfile: \"a{sha}\"}}\n",
               "config.yaml:1:39: sandbox.seccomp.localhostProfile: 'a{sha}' (expected no other "
               "placeholder than {sha256})"},
           Row{"sandbox: {seccomp: {localhostProfile: \"a\\u00e9\"}}\n",
               "config.yaml:1:39: sandbox.seccomp.localhostProfile: has a space or is not "
               "printable (expected visible ASCII)"},
           Row{"sandbox: {seccomp: {localhostProfile: \"a\\nb\"}}\n",
               "config.yaml:1:39: sandbox.seccomp.localhostProfile: has a control character "
               "(expected one line of text)"},
           Row{"sandbox: {idsPerPod: 65537}\n",
               "config.yaml:1:22: sandbox.idsPerPod: 65537 (expected a multiple of 65536)"},
           Row{"sandbox: {idsPerPod: 1}\n",
               "config.yaml:1:22: sandbox.idsPerPod: '1' (expected a whole number from 65536 to "
               "4294901760)"},
           Row{"sandbox: {installer: {seLinuxOptions: {kind: x}}}\n",
               "config.yaml:1:40: unknown key 'sandbox.installer.seLinuxOptions.kind' (known: "
               "level, role, type, user)"},
           Row{"sandbox: {installer: {image: \"\"}}\n",
               "config.yaml:1:30: sandbox.installer.image: '' (expected the reference of an image, "
               "such as busybox:1.37.0@sha256:<64 hex digits>)"},
           Row{"cluster: {refreshInterval: 1}\n",
               "config.yaml:1:28: cluster.refreshInterval: '1' (expected a duration from 1s to "
               "3600s)"},
           Row{"cluster: {refreshInterval: 10ms}\n",
               "config.yaml:1:28: cluster.refreshInterval: '10ms' (expected a duration from 1s to "
               "3600s)"},
           Row{"server: {maxRequestBytes: -1}\n",
               "config.yaml:1:27: server.maxRequestBytes: '-1' (expected a whole number from 65536 "
               "to 8388608)"},
           Row{"server: {maxRequestBytes: 8388609}\n",
               "config.yaml:1:27: server.maxRequestBytes: '8388609' (expected a whole number from "
               "65536 to 8388608)"},
           Row{"server: {tls: {source: secret}}\n",
               "config.yaml:1:24: server.tls.source: 'secret' (expected one of managed, files)"},
           Row{"server: {tls: {managed: {secretName: A}}}\n",
               "config.yaml:1:38: server.tls.managed.secretName: 'A' (expected the name of an "
               "object)"},
           Row{"server: {tls: {managed: {serviceName: a.b}}}\n",
               "config.yaml:1:39: server.tls.managed.serviceName: 'a.b' (expected the name of a "
               "Service)"},
           Row{"server: {tls: {managed: {webhookConfigurationName: \"\"}}}\n",
               "config.yaml:1:52: server.tls.managed.webhookConfigurationName: '' (expected the "
               "name of an object)"},
           Row{"server: {tls: {minVersion: 1.1}}\n",
               "config.yaml:1:28: server.tls.minVersion: '1.1' (expected one of 1.2, 1.3)"},
           Row{"server: {tls: {clientNames: [a]}}\n",
               "config.yaml:1:29: server.tls.clientNames: names without a CA (expected "
               "clientCAFile too)"},
           Row{"server: {tls: {clientCAFile: ca, clientNames: [\"\"]}}\n",
               "config.yaml:1:47: server.tls.clientNames: '' (expected names)"},
           Row{"server: {tls: {clientCAFile: ca, clientNames: [\"a\\0b\"]}}\n",
               "config.yaml:1:47: server.tls.clientNames: is not printable (expected names)"},
           Row{"server: {tls: {clientNames: a}}\n",
               "config.yaml:1:29: server.tls.clientNames: not a list (expected a list of strings)"},
           Row{"a: b\n---\nc: d\n", "config.yaml: several documents (expected one)"},
       }) {
    CAPTURE(row.text);
    CHECK(refusal(row.text) == row.message);
  }
  CHECK(refusal("log: {").find("not YAML") != std::string::npos);
}

TEST_CASE("a component of the profile's path has room for a temporary file beside it") {
  const auto with_component = [](std::size_t size) {
    return "sandbox: {seccomp: {localhostProfile: \"d/" + std::string(size, 'x') + "\"}}\n";
  };
  CHECK(refusal(with_component(240)) == "accepted");
  CHECK(refusal(with_component(241)) ==
        "config.yaml:1:39: sandbox.seccomp.localhostProfile: has a component of 241 bytes "
        "(expected at most 240)");
  // The digest counts, not its placeholder.
  CHECK(
      refusal("sandbox: {seccomp: {localhostProfile: \"" + std::string(200, 'x') + "{sha256}\"}}\n")
          .find("of 264 bytes") != std::string::npos);
}

TEST_CASE("a profile's path without its digest is taken, with a warning") {
  CHECK(to_config_warnings(Config{}).empty());
  const Config config =
      *parse_config("sandbox: {seccomp: {localhostProfile: profiles/x.json}}", "config.yaml");
  CHECK(to_config_warnings(config) ==
        std::vector<std::string>{
            "sandbox.seccomp.localhostProfile: has no {sha256}: a profile of another content would "
            "replace the one that running pods restart under"});
}

TEST_CASE("load_config refuses what is no file") {
  CHECK(load_config("/nowhere/config.yaml").error().message ==
        "/nowhere/config.yaml: cannot be read: No such file or directory (expected a YAML file)");
  CHECK(load_config("/").error().message ==
        "/: is a directory, not a regular file (expected a YAML file)");
  CHECK(load_config("/dev/zero").error().message ==
        "/dev/zero: is a device, not a regular file (expected a YAML file)");
}

}  // namespace
}  // namespace webhook
