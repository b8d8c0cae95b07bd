#include "kube/client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/dns_name.h"
#include "kube/deadline_socket.h"
#include "kube/http_response.h"
#include "os/file.h"
#include "tls/openssl.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

/// Thrown and caught in this file: what is wrong with a credential.
class CredentialError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "FILE: " where the credential is in one: the start of a message about it.
std::string where(const Credential& credential, const char* name) {
  return (credential.file.empty() ? name : credential.file.string()) + ": ";
}

std::string read_credential(const Credential& credential) {
  if (credential.file.empty()) return credential.data;
  try {
    return read_file(credential.file);
  } catch (const std::runtime_error& error) {
    throw CredentialError(error.what());
  }
}

BioPtr open_pem(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::vector<X509Ptr> read_certificates(const Credential& credential, const char* name) {
  const std::string pem = read_credential(credential);
  const BioPtr bio = open_pem(pem);
  std::vector<X509Ptr> certificates;
  ERR_clear_error();
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(next);
  }
  // Every list ends in "no start line"; any other error is a damaged certificate.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = take_openssl_error();
  if (certificates.empty() || !at_end) {
    throw CredentialError(where(credential, name) + "no " + name + " (expected PEM): " + reason);
  }
  return certificates;
}

void trust_authorities(SSL_CTX& context, const KubeAccess& access) {
  if (access.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(&context);
    return;
  }
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  for (const X509Ptr& each : read_certificates(access.authorities, "certificate authority")) {
    X509_STORE_add_cert(store, each.get());
  }
}

void present_certificate(SSL_CTX& context, const KubeAccess& access) {
  if (access.client_certificate.empty()) return;
  auto chain = read_certificates(access.client_certificate, "client certificate");
  SSL_CTX_use_certificate(&context, chain.front().get());
  for (auto each = std::next(chain.begin()); each != chain.end(); ++each) {
    SSL_CTX_add1_chain_cert(&context, each->get());
  }
  const std::string pem = read_credential(access.client_key);
  const BioPtr bio = open_pem(pem);
  // An empty passphrase, lest OpenSSL asks for one on the terminal.
  char no_passphrase[] = "";
  const EvpPkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_passphrase));
  if (!key || SSL_CTX_use_PrivateKey(&context, key.get()) != 1) {
    throw CredentialError(where(access.client_key, "client key") +
                          "not the client certificate's key: " + take_openssl_error());
  }
}

SslCtxPtr make_context(const KubeAccess& access) {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw CredentialError("TLS: " + take_openssl_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  present_certificate(*context, access);
  if (!access.verify_server) return context;  // OpenSSL's default is to accept anyone
  trust_authorities(*context, access);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // As Go: whatever is in the bundle is trusted, be it an intermediate.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  return context;
}

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

/// Makes the handshake fail unless the certificate is for `name`.
void expect_name(SSL& ssl, const std::string& name) {
  X509_VERIFY_PARAM* param = SSL_get0_param(&ssl);
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool is_set = is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1
                                       : X509_VERIFY_PARAM_set1_host(param, name.c_str(), 0) == 1;
  // Without an expected name OpenSSL would accept every name.
  if (!is_set) throw CredentialError("server name: cannot expect '" + name + '\'');
  if (is_address(name)) return;  // RFC 6066: an address is not sent
  // SSL_set_tlsext_host_name() without its C cast.
  std::string sent = name;
  SSL_ctrl(&ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sent.data());
}

std::string tls_failure(const SSL& ssl, const DeadlineSocket& socket) {
  const long verified = SSL_get_verify_result(&ssl);
  if (verified != X509_V_OK && SSL_get_verify_mode(&ssl) == SSL_VERIFY_PEER) {
    ERR_clear_error();
    return std::string("its certificate is refused: ") + X509_verify_cert_error_string(verified);
  }
  if (!socket.failure().empty()) return socket.failure();
  return "TLS: " + take_openssl_error();
}

std::string read_token(const Credential& credential) {
  std::string token = read_credential(credential);
  const auto end = token.find_last_not_of(" \t\r\n");
  token.resize(end == std::string::npos ? 0 : end + 1);
  const bool printable = std::all_of(token.begin(), token.end(),
                                     [](char each) { return each > ' ' && each < '\x7f'; });
  if (token.empty() || !printable) {
    throw CredentialError(where(credential, "token") + "not a token (expected one word)");
  }
  return token;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

/// `body`, if there is one, is JSON.
std::string make_request(const KubeAccess& access, const char* method, std::string_view path,
                         std::string_view body = {}) {
  std::string request =
      std::string(method) + ' ' + access.path_prefix + std::string(path) + " HTTP/1.1\r\n";
  request += "Host: " + bracketed(access.host) + ':' + access.port + "\r\n";
  request += "User-Agent: code-executor-webhook\r\nAccept: application/json\r\n";
  if (!access.token.empty()) {
    request += "Authorization: Bearer " + read_token(access.token) + "\r\n";
  }
  if (!body.empty()) {
    request +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return request + "Connection: close\r\n\r\n" + std::string(body);
}

Result<std::string> read_some(SSL& ssl, const DeadlineSocket& socket) {
  std::string bytes(16'384, '\0');  // one TLS record
  std::size_t size = 0;
  ERR_clear_error();
  const int done = SSL_read_ex(&ssl, bytes.data(), bytes.size(), &size);
  if (done != 1 && SSL_get_error(&ssl, done) != SSL_ERROR_ZERO_RETURN) {
    return Error{tls_failure(ssl, socket)};
  }
  bytes.resize(size);
  return bytes;
}

/// One request on one connection: a minute passes until the next.
Result<HttpResponse> exchange(const KubeAccess& access, const std::string& request,
                              std::stop_token stop) {
  const SslCtxPtr context = make_context(access);
  DeadlineSocket socket(DeadlineSocket::Clock::now() + KubeClient::kTimeout, std::move(stop));
  if (const auto error = socket.connect(access.host, access.port)) return *error;

  const SslPtr ssl(SSL_new(context.get()));
  BIO* bio = socket.make_bio().release();
  SSL_set_bio(ssl.get(), bio, bio);  // takes ownership
  expect_name(*ssl, access.server_name.empty() ? access.host : access.server_name);
  ERR_clear_error();
  std::size_t written = 0;
  if (SSL_connect(ssl.get()) != 1 ||
      SSL_write_ex(ssl.get(), request.data(), request.size(), &written) != 1) {
    return Error{tls_failure(*ssl, socket)};
  }
  return read_http_response([&] { return read_some(*ssl, socket); }, KubeClient::kMaxBodyBytes);
}

std::vector<fs::path> split_paths(std::string_view list) {
  std::vector<fs::path> files;
  while (!list.empty()) {
    const auto colon = std::min(list.find(':'), list.size());
    if (colon > 0) files.emplace_back(list.substr(0, colon));
    list.remove_prefix(std::min(colon + 1, list.size()));
  }
  return files;
}

/// Mounted beside the token; "default" where it is not.
std::string read_namespace(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return "default";
  std::string name = read_file(file);
  if (name.ends_with('\n')) name.pop_back();
  if (is_dns_label(name)) return name;
  throw std::runtime_error(file.string() + ": not a namespace (expected a DNS label)");
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

KubeClient::KubeClient(KubeAccess access) : access_(std::move(access)) {
  make_context(access_);  // what is wrong now is better said now
  make_request(access_, "GET", "/");
}

KubeClient KubeClient::connect(const std::optional<fs::path>& kubeconfig) {
  if (kubeconfig) return from_kubeconfig(*kubeconfig);
  const auto files = split_paths(environment("KUBECONFIG"));
  if (!files.empty()) return KubeClient(load_kubeconfig(files));
  if (environment("KUBERNETES_SERVICE_HOST").empty()) {
    throw std::runtime_error(
        "cluster version: no API server to ask (expected to run in a cluster, or --kubeconfig "
        "FILE, or --kube-version such as v1.34.3)");
  }
  return in_cluster();
}

KubeClient KubeClient::in_cluster(const fs::path& directory) {
  KubeAccess access;
  access.host = environment("KUBERNETES_SERVICE_HOST");
  access.port = environment("KUBERNETES_SERVICE_PORT");
  // Parsed for its checks: the variables can hold anything.
  const auto parsed = parse_server_url("https://" + bracketed(access.host) + ':' + access.port);
  if (!parsed || parsed->host != access.host || parsed->port != access.port) {
    throw std::runtime_error("KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT: not an address: '" +
                             access.host + "', '" + access.port +
                             "' (expected what the kubelet sets)");
  }
  access.authorities.file = directory / "ca.crt";
  access.token.file = directory / "token";
  access.ns = read_namespace(directory / "namespace");
  return KubeClient(std::move(access));
}

KubeClient KubeClient::from_kubeconfig(const fs::path& file) {
  return KubeClient(load_kubeconfig({file}));
}

Result<HttpResponse> KubeClient::ask(const char* method, std::string_view path,
                                     std::string_view body, std::stop_token stop) const {
  const std::string what = std::string(method) + ' ' + address() + std::string(path) + ": ";
  try {
    const auto request = make_request(access_, method, path, body);
    auto response = exchange(access_, request, std::move(stop));
    return response ? response : Error{what + response.error().message};
  } catch (const std::exception& error) {  // a credential, or the process is out of descriptors
    return Error{what + error.what()};
  }
}

Result<std::string> KubeClient::get(std::string_view path, std::stop_token stop) const {
  auto response = ask("GET", path, {}, std::move(stop));
  if (!response) return response.error();
  if (response->status == 200) return std::move(response->body);
  const bool is_stranger = response->status == 401 || response->status == 403;
  return Error{"GET " + address() + std::string(path) + ": status " +
               std::to_string(response->status) + " (expected 200" +
               (is_stranger ? ": are the credentials valid?)" : ")")};
}

Result<HttpResponse> KubeClient::post(std::string_view path, std::string_view body,
                                      std::stop_token stop) const {
  return ask("POST", path, body, std::move(stop));
}

std::string KubeClient::address() const {
  return "https://" + bracketed(access_.host) + ':' + access_.port + access_.path_prefix;
}

}  // namespace webhook
