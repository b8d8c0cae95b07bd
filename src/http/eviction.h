#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "http/peer_group.h"

namespace webhook {

/// What is known of an open connection when one has to give way.
struct Candidate {
  std::uint64_t id = 0;
  PeerGroup group;
  bool is_proven = false;      ///< A review that came over it was answered 200.
  bool is_unfinished = false;  ///< Something has begun: a handshake, a request, an answer.
  std::chrono::steady_clock::time_point accepted;
  std::chrono::steady_clock::time_point idle_since;

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// What happens if everybody there is spared.
enum class Newcomer {
  kMayBeRefused,  ///< API servers: those that have proven useful stay.
  kAlwaysGetsIn,  ///< Probes: nobody is proven, and nobody is spared.
};

struct EvictionRule {
  Newcomer newcomer = Newcomer::kMayBeRefused;
  /// Younger connections are spared while others can go: an API server's first review comes within
  /// that time.
  std::chrono::milliseconds spared_age{1'000};
  /// Where nobody else can go, the first of the young does.
  bool displaces_young = true;
};

/// Connections of one group that are safe: five API servers keep 25 each.
inline constexpr std::size_t kSafeConnections = 128;

/// Who gives way at the limit of connections, descriptors or memory. Of the connections that are
/// not proven, one of the group that has most of them, unfinished ones first, then the longest
/// idle. Where none of them can go: one of a group with more than kSafeConnections proven ones.
/// Where all others are young: the first of those that are not proven, of the largest group if it
/// has more than kSafeConnections of them. Else none, and the newcomer is refused.
///
/// A rule that only looks at how long connections have been idle is itself an attack on API
/// servers, which keep idle connections; one that only looks at busy addresses displaces API
/// servers behind one address; one that spares the young whatever happens turns newcomers away
/// while somebody opens and closes connections fast enough. In turn, a newcomer stays as long as it
/// takes to open all places anew, which a review needs less than; and one address, or an IPv6 /64,
/// displaces none but its own.
std::optional<Candidate> choose_victim(const std::vector<Candidate>& candidates,
                                       std::chrono::steady_clock::time_point now,
                                       const EvictionRule& rule);

}  // namespace webhook
