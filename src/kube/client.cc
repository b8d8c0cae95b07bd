#include "kube/client.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/dns_name.h"
#include "kube/credentials.h"
#include "kube/line_cutter.h"
#include "kube/session.h"
#include "os/file.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

WireRequest to_http(const KubeClient::Request& request, const KubeAccess& access,
                    const std::string& token) {
  WireRequest http{.method = request.method,
                   .path = access.path_prefix + std::string(request.path),
                   .headers = {{"Host", bracketed(access.host) + ':' + access.port},
                               {"User-Agent", "code-executor-webhook"},
                               {"Accept", "application/json"}},
                   .body = std::string(request.body)};
  if (!token.empty()) {
    http.headers.emplace_back("Authorization", "Bearer " + token);
  }
  if (!request.body.empty()) http.headers.emplace_back("Content-Type", request.content_type);
  return http;
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

/// With room for white space: a name has at most 63.
constexpr std::size_t kMaxNamespaceBytes = std::size_t{1} << 10U;

/// Mounted beside the token; "default" where it is not.
std::string read_namespace(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return "default";
  std::string name = read_file(file, kMaxNamespaceBytes);
  if (name.ends_with('\n')) name.pop_back();
  if (is_dns_label(name)) return name;
  throw std::runtime_error(file.string() + ": not a namespace (expected a DNS label)");
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

struct KubeClient::State {
  explicit State(std::shared_ptr<Credentials> shared) : credentials(std::move(shared)) {}

  /// The connection that is kept, if the next request can go over it.
  std::unique_ptr<KubeSession> take_kept(const KubeSession::Context& context) {
    const std::lock_guard lock(mutex);
    auto session = std::exchange(kept, nullptr);
    const bool is_usable = session && session->context() == context && session->is_quiet();
    return is_usable ? std::move(session) : nullptr;
  }

  void keep(std::unique_ptr<KubeSession> session) {
    if (!session->may_go_on()) return;
    const std::lock_guard lock(mutex);
    kept = std::move(session);
  }

  /// With `stream` its limits are those of the body.
  Result<HttpResponse> exchange(const Request& request, std::stop_token stop, Stream* stream);

  const std::shared_ptr<Credentials> credentials;
  std::mutex mutex;
  std::unique_ptr<KubeSession> kept;  ///< Guarded by `mutex`.
};

/// A body that is taken line by line.
struct KubeClient::Stream {
  LineCutter lines;
  LineLimits limits;
};

Result<HttpResponse> KubeClient::State::exchange(const Request& request, std::stop_token stop,
                                                 Stream* stream) {
  const auto token = credentials->token();
  if (!token) return token.error();
  const auto context = credentials->context();
  if (!context) return context.error();
  const WireRequest http = to_http(request, credentials->access(), *token);
  const CallLimits limits{.deadline = std::chrono::steady_clock::now() + kTimeout,
                          .max_body_bytes = stream == nullptr
                                                ? request.max_body_bytes
                                                : std::numeric_limits<std::size_t>::max(),
                          .stop = std::move(stop)};
  auto session = take_kept(*context);
  const auto send = [&] {
    if (!session) session = std::make_unique<KubeSession>(credentials->access(), *context);
    if (stream == nullptr) return session->send(http, limits);
    const BodyReceiver receiver{
        .begin =
            [&] {
              session->begin_stream(std::chrono::steady_clock::now() + stream->limits.time,
                                    stream->limits.gathering);
            },
        .take = [&](std::string_view bytes) { return stream->lines.take(bytes); }};
    return session->send(http, limits, &receiver);
  };
  auto response = send();
  if (!response && session->was_closed_before() && http.method == "GET") {
    session = nullptr;
    response = send();
  }
  keep(std::move(session));
  return response;
}

KubeClient::KubeClient(KubeAccess access)
    : state_(std::make_unique<State>(std::make_shared<Credentials>(std::move(access)))) {}
KubeClient::KubeClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
KubeClient::~KubeClient() = default;
KubeClient::KubeClient(KubeClient&&) noexcept = default;
KubeClient& KubeClient::operator=(KubeClient&&) noexcept = default;

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

KubeClient KubeClient::anew() const {
  return KubeClient(std::make_unique<State>(state_->credentials));
}

Result<HttpResponse> KubeClient::ask(const Request& request, std::stop_token stop,
                                     Stream* stream) const {
  const auto failed = [&](const std::string& why) {
    return Error{std::string(request.method) + ' ' + address() + std::string(request.path) + ": " +
                 why};
  };
  try {
    auto response = state_->exchange(request, std::move(stop), stream);
    return response ? response : failed(response.error().message);
  } catch (const std::exception& error) {  // the process is out of memory or descriptors
    return failed(error.what());
  }
}

Result<HttpResponse> KubeClient::send(const Request& request, std::stop_token stop) const {
  return ask(request, std::move(stop), nullptr);
}

Result<std::string> KubeClient::get(std::string_view path, std::stop_token stop) const {
  auto response = send({.path = path}, std::move(stop));
  if (!response) return response.error();
  if (response->status == 200) return std::move(response->body);
  const bool is_stranger = response->status == 401 || response->status == 403;
  return Error{"GET " + address() + std::string(path) + ": status " +
               std::to_string(response->status) + " (expected 200" +
               (is_stranger ? ": are the credentials valid?)" : ")")};
}

Result<HttpResponse> KubeClient::post(std::string_view path, std::string_view body,
                                      std::stop_token stop) const {
  return send({.method = "POST", .path = path, .body = body}, std::move(stop));
}

Result<HttpResponse> KubeClient::get_lines(std::string_view path, const LineReceiver& receive,
                                           LineLimits limits, std::stop_token stop) const {
  Stream stream{.lines = LineCutter(limits.max_line_bytes, receive), .limits = limits};
  auto response = ask({.path = path}, std::move(stop), &stream);
  if (stream.lines.is_too_long()) {
    return Error{"GET " + address() + std::string(path) + ": a line is over " +
                 std::to_string(limits.max_line_bytes) + " bytes"};
  }
  if (response) stream.lines.end();
  return response;
}

const std::string& KubeClient::own_namespace() const { return state_->credentials->access().ns; }

std::string KubeClient::address() const {
  const KubeAccess& access = state_->credentials->access();
  return "https://" + bracketed(access.host) + ':' + access.port + access.path_prefix;
}

}  // namespace webhook
