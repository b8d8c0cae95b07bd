#include "kube/kubeconfig.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "support/temporary_directory.h"

namespace webhook {
namespace {

std::string message_of(const std::vector<std::filesystem::path>& files) {
  try {
    (void)load_kubeconfig(files);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

/// A kubeconfig of one context, whose cluster and user are flow mappings.
std::string kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "contexts: [{name: here, context: {cluster: c, user: u}}]\n"
         "clusters: [{name: c, cluster: {" +
         cluster +
         "}}]\n"  // line 5
         "users: [{name: u, user: {" +
         user + "}}]\n";
}

TEST_CASE("parse_server_url takes the addresses that kubeconfigs hold") {
  struct Row {
    const char* url;
    const char* host;
    const char* port;
    const char* prefix;
  };
  for (const Row& row : {
           Row{"https://10.96.0.1", "10.96.0.1", "443", ""},
           Row{"https://api.example.com:6443", "api.example.com", "6443", ""},
           Row{"https://api.example.com/", "api.example.com", "443", ""},
           Row{"https://rancher.example.com/k8s/clusters/c-1/", "rancher.example.com", "443",
               "/k8s/clusters/c-1"},
           Row{"https://[fd00::1]:6443", "fd00::1", "6443", ""},
           Row{"https://[::1]", "::1", "443", ""},
       }) {
    CAPTURE(row.url);
    const auto got = parse_server_url(row.url);
    REQUIRE(got);
    CHECK(got->host == row.host);
    CHECK(got->port == row.port);
    CHECK(got->path_prefix == row.prefix);
  }
}

TEST_CASE("parse_server_url refuses what is not an HTTPS address") {
  for (const char* url :
       {"", "10.96.0.1", "http://localhost:8080", "https://", "https://:443", "https://[::1",
        "https://[::1]x", "https://host:", "https://host:0", "https://host:65536",
        "https://host:44a", "https://::1", "https://user:pass@host", "https://host?x",
        "https://host#x", "https://host/a b", "https://host/\r\nA: b", "https://ho\\st"}) {
    CAPTURE(url);
    const auto got = parse_server_url(url);
    REQUIRE_FALSE(got);
    CHECK(got.error().message == "not the address of an API server: '" + std::string(url) +
                                     "' (expected https://HOST[:PORT])");
  }
}

TEST_CASE("load_kubeconfig reads the current context, with credentials in files or in place") {
  const TemporaryDirectory home;
  const auto in_place = load_kubeconfig({home.write("in-place", R"(
current-context: second
contexts:
- name: first
  context: {cluster: none, user: none}
- name: second
  context: {cluster: kind, user: admin, namespace: default}
clusters:
- name: kind
  cluster:
    server: https://127.0.0.1:6443
    tls-server-name: kubernetes
    certificate-authority: ignored.crt
    certificate-authority-data: Y2E=
users:
- name: admin
  user:
    client-certificate-data: Y2VydA==
    client-key-data: a2V5
    token: secret
)")});
  CHECK(in_place.host == "127.0.0.1");
  CHECK(in_place.port == "6443");
  CHECK(in_place.server_name == "kubernetes");
  CHECK(in_place.verify_server);
  CHECK(in_place.authorities.data == "ca");
  CHECK(in_place.authorities.file.empty());
  CHECK(in_place.client_certificate.data == "cert");
  CHECK(in_place.client_key.data == "key");
  CHECK(in_place.token.data == "secret");

  const auto in_files = load_kubeconfig({home.write(
      "sub/config",
      kubeconfig("server: https://api, certificate-authority: ../ca.crt",
                 "client-certificate: /etc/cert, client-key: key, tokenFile: token, token: old"))});
  CHECK(in_files.authorities.file == home.path() / "sub/../ca.crt");
  CHECK(in_files.client_certificate.file == "/etc/cert");
  CHECK(in_files.client_key.file == home.path() / "sub/key");
  CHECK(in_files.token.file == home.path() / "sub/token");
  CHECK(in_files.token.data.empty());

  const auto insecure = load_kubeconfig({home.write(
      "insecure", kubeconfig("server: https://api, insecure-skip-tls-verify: true", ""))});
  CHECK_FALSE(insecure.verify_server);
  CHECK(insecure.token.empty());
}

TEST_CASE("load_kubeconfig puts several files together: what comes first counts") {
  const TemporaryDirectory home;
  const auto first = home.write("a/first",
                                "current-context: here\n"
                                "contexts: [{name: here, context: {cluster: c, user: u}}]\n");
  const auto second = home.write("b/second",
                                 "current-context: elsewhere\n"
                                 "clusters: [{name: c, cluster: {server: https://b, "
                                 "certificate-authority: ca}}]\n");
  const auto third = home.write("third", kubeconfig("server: https://third", "token: t"));
  const auto empty = home.write("empty", "");
  const auto access = load_kubeconfig({empty, home.path() / "absent", first, second, third});
  CHECK(access.host == "b");
  CHECK(access.authorities.file == home.path() / "b/ca");
  CHECK(access.token.data == "t");
}

TEST_CASE("load_kubeconfig says where it is wrong, and what would be right") {
  const TemporaryDirectory home;
  const std::string file = (home.path() / "config").string();
  const std::string url = "server: https://api";
  const std::string instead =
      " (use token, tokenFile or client-certificate; kubectl create token makes one)";
  struct Row {
    std::string text;
    std::string why;
  };
  for (const Row& row : {
           Row{"", ": no current-context (set one: kubectl config use-context NAME)"},
           Row{"[",
               ":2:1: not YAML: did not find expected node content while parsing a flow node "
               "(expected a value, and the closing bracket)"},
           Row{"- a", ":1:1: not a kubeconfig (expected a mapping)"},
           Row{"current-context: x", ":1:18: no context is named 'x' (known: none)"},
           Row{"current-context: x\ncontexts: [{name: y}, {name: z}]",
               ":1:18: no context is named 'x' (known: y, z)"},
           Row{"current-context: x\ncontexts: [{name: x}]",
               ":2:12: contexts: 'x' has no mapping 'context'"},
           Row{"current-context: x\ncontexts: {}", ":2:11: contexts: not a list"},
           Row{"current-context: x\ncontexts: [x]",
               ":2:12: contexts: not a mapping (expected name, context)"},
           Row{"current-context: [x]", ":1:18: current-context: not a string"},
           Row{"current-context: x\ncontexts: [{name: x, context: {}}]",
               ":2:31: the context names no cluster"},
           Row{kubeconfig("", ""), ":5:31: no server (expected https://HOST[:PORT])"},
           Row{kubeconfig("server: http://api", ""),
               ":5:40: server: not the address of an API server: 'http://api' (expected "
               "https://HOST[:PORT])"},
           Row{kubeconfig(url + ", proxy-url: http://p", ""),
               ":5:64: proxy-url: proxies are not supported"},
           Row{kubeconfig(url + ", insecure-skip-tls-verify: maybe", ""),
               ":5:79: insecure-skip-tls-verify: not a boolean (expected true or false)"},
           Row{kubeconfig(url + ", insecure-skip-tls-verify: true, certificate-authority: ca", ""),
               ":5:31: insecure-skip-tls-verify and a certificate-authority are both set (keep "
               "one)"},
           Row{kubeconfig(url + ", certificate-authority-data: '%'", ""),
               ":5:81: certificate-authority-data: not base64"},
           Row{kubeconfig(url, "exec: {command: aws}"),
               ":6:32: exec: credential plugins are not run here" + instead},
           Row{kubeconfig(url, "auth-provider: {name: gcp}"),
               ":6:41: auth-provider: credential plugins are not run here" + instead},
           Row{kubeconfig(url, "username: admin"),
               ":6:36: username: API servers no longer take passwords" + instead},
           Row{kubeconfig(url, "as: system:admin"),
               ":6:30: as: impersonation is not supported (remove it)"},
           Row{kubeconfig(url, "client-certificate: cert"),
               ":6:25: client-certificate and client-key belong together (one is missing)"},
       }) {
    CAPTURE(row.text);
    CHECK(message_of({home.write("config", row.text)}) == file + row.why);
  }
  CHECK(message_of({home.path() / "absent"}) ==
        (home.path() / "absent").string() + ": cannot be read: No such file or directory");
}

}  // namespace
}  // namespace webhook
