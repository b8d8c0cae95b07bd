#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "base/kube_version.h"

namespace webhook {

/// What one API server has said of itself, over one connection.
struct ApiServerAnswer {
  ClusterVersion version;
  std::optional<bool> drops = {};  ///< It takes the sandbox out of pods; nothing: not answered.
  std::string probe_failure = {};  ///< Why not, where it was asked.
};

/// What the API servers of a control plane say: there are several, they change one at a time, and
/// whoever asks does not choose which one answers.
struct ApiServers {
  ClusterVersion oldest;  ///< The one to decide by: the gate is a safety rule.
  KubeVersion newest;
  std::optional<bool> drops = {};  ///< True if any does; nothing as long as no probe was answered.
  bool probes_differ = false;      ///< Some drop the sandbox, and some keep it.
  std::string probe_failure = {};  ///< Of the last answer.

  /// True if the sandbox depends on which of them a pod meets, where it needs `minimum`.
  [[nodiscard]] bool differ(KubeVersion minimum) const {
    return probes_differ || (oldest.version < minimum && newest >= minimum);
  }
};

/// The answers of the last minutes. An API server that says nothing says neither yes nor no, and
/// time without answers takes none back. Pure: time comes with each answer.
class ApiServerAnswers {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// An answer counts until one comes that is `window` younger.
  explicit ApiServerAnswers(std::chrono::milliseconds window) : window_(window) {}

  void add(Time now, ApiServerAnswer answer);

  [[nodiscard]] std::size_t size() const { return answers_.size(); }

  /// Nothing as long as there was no answer.
  [[nodiscard]] std::optional<ApiServers> servers() const;

 private:
  struct Timed {
    Time time;
    ApiServerAnswer answer;
  };

  std::chrono::milliseconds window_;
  std::deque<Timed> answers_;       ///< By time.
  std::optional<bool> last_drops_;  ///< Of the last probe that was answered, however long ago.
};

}  // namespace webhook
