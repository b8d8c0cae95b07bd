#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/http_exchange.h"

namespace webhook {

/// A PodTemplate with what the sandbox rests on: `hostUsers: false` and `procMount: Unmasked`. The
/// API server does to its fields what it does to a pod's (kubernetes/kubernetes pkg/api/pod/util.go
/// DropDisabledTemplateFields), but nothing ever runs it: to be allowed to create one, be it for
/// good, gives no power over the cluster, as to create pods would.
std::string_view probe_body();

/// Where to POST probe_body(): a dry run, which stores nothing.
std::string probe_path(std::string_view ns);

/// True if the API server's answer to the probe says that a sandboxed pod would lose a field, or
/// be refused for the lack of one. Error: it says neither.
Result<bool> drops_sandbox(const HttpResponse& answer);

/// Whether the API server takes the sandbox out of pods: feature gates UserNamespacesSupport and
/// ProcMountType can be switched off up to 1.35, which its version does not show.
///
/// drops() and summary() may be called from any thread; ask() from one.
class SandboxProbe {
 public:
  /// Sends the probe; returns soon after a stop is requested.
  using Post = std::function<Result<HttpResponse>(std::stop_token)>;

  /// Without `post` it is never asked.
  explicit SandboxProbe(Post post = {}) : post_(std::move(post)) {}

  /// Asks once. Without an answer the last one stays: said once.
  void ask(const std::stop_token& stop = {});

  /// Nothing as long as no answer has come.
  [[nodiscard]] std::optional<bool> drops() const;

  /// For /readyz?verbose: one line, empty where it is never asked.
  [[nodiscard]] std::string summary() const;

 private:
  void keep(const Result<bool>& answer);

  Post post_;
  mutable std::mutex mutex_;  ///< Guards the next two; held for a copy only.
  std::optional<bool> drops_;
  std::string failure_;  ///< Why there was no answer the last time; empty if there was one.
};

}  // namespace webhook
