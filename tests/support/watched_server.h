#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>

#include "kube/kubeconfig.h"
#include "support/tls_server.h"

namespace webhook::test {

/// An API server on loopback with one collection, which changes all the time, and which plays what
/// lists and watches meet, by chance: 410 Gone in every form, errors, connections that end
/// anywhere, nonsense, and another server with another etcd behind the same address.
class WatchedServer {
 public:
  using Objects = std::map<std::string, int>;  ///< The value of each, by its name.

  /// `is_replaced`: by other servers, now and then.
  WatchedServer(const Pair& pair, std::uint32_t seed, bool is_replaced);

  [[nodiscard]] KubeAccess access() const;

  /// From now on nothing changes, and every call is answered as it should be.
  void calm_down();

  [[nodiscard]] Objects objects();

  /// How often each thing was played, by its name.
  [[nodiscard]] std::map<std::string, int> played();

 private:
  struct Event {
    int version;
    std::string line;
  };

  void serve(TlsPeer& peer);
  bool list(TlsPeer& peer, const std::string& request);
  bool watch(TlsPeer& peer, int from);
  bool end_watch(TlsPeer& peer);
  bool refuse(TlsPeer& peer, int status);
  void change();
  void replace();
  [[nodiscard]] std::string page(const std::string& token, std::size_t limit);

  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
  bool plays(const char* what, int in_hundred);

  const Pair& pair_;
  const bool is_replaced_;
  std::mutex mutex_;  ///< Of all that follows.
  std::mt19937 random_;
  bool is_calm_ = false;
  Objects objects_;
  int version_ = 100;
  int oldest_version_ = 100;      ///< Of which what came after is known.
  std::deque<Event> history_;     ///< Since then.
  std::map<int, Objects> pasts_;  ///< That pages are read of.
  std::map<std::string, int> played_;
  TlsServer server_;  ///< Last: its threads use the rest.
};

}  // namespace webhook::test
