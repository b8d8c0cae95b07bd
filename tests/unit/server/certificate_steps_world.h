#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "server/certificate_steps.h"

namespace webhook {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr CertificateTimes kTimes;
inline constexpr WallTime kNow{days(20'000)};
inline constexpr SteadyTime kAt{days(3)};

inline Certificate certificate(const std::string& name, WallTime from, WallTime until) {
  return {.pem = name, .valid_from = from, .expires_at = until};
}

/// A CA that was made so long ago.
inline ManagedAuthority authority(const std::string& name, std::chrono::milliseconds age,
                                  std::optional<days> trusted_for = std::nullopt) {
  ManagedAuthority made{
      .certificate = certificate(name, kNow - age, kNow - age + kTimes.authority_life),
      .key = "key of " + name};
  if (trusted_for) made.trusted_since = kNow - *trusted_for;
  return made;
}

inline ManagedAuthority retired(ManagedAuthority authority) {
  authority.key.clear();
  return authority;
}

/// A replica that serves with a leaf of `young`, a day old, where everything is as it should be.
struct StepsWorld {
  ManagedAuthority old = authority("old", days(300), days(300));
  ManagedAuthority young = authority("young", days(10), days(10));
  CertificateMemory memory;
  CertificateObservation seen{
      .now = kNow, .at = kAt, .secret = {"7", {young}}, .bundle = {"8", {}}};

  StepsWorld() {
    memory.leaf = OwnLeaf{young.certificate, kNow - days(1), kNow + days(6)};
    set_bundle({young.certificate});
    hold_for(minutes(10));
  }

  void set_bundle(std::vector<Certificate> certificates) {
    seen.bundle.bundles = {{"hook", std::move(certificates)}};
  }
  /// What is in the bundle has been there for so long.
  void hold_for(std::chrono::milliseconds time) {
    memory.held_since.clear();
    for (const auto& each : seen.bundle.bundles[0].certificates) {
      memory.held_since[each.pem] = kAt - time;
    }
    memory.looked_at = kAt;
  }
  void set_leaf(const ManagedAuthority& issuer, days left) {
    memory.leaf = OwnLeaf{issuer.certificate, kNow + left - days(7), kNow + left};
  }
};

inline std::string to_text(const std::vector<Certificate>& certificates) {
  std::string text;
  for (const auto& each : certificates) text += ' ' + each.pem;
  return text;
}

inline std::string to_text(const std::vector<ManagedAuthority>& authorities) {
  std::string text;
  for (const auto& each : authorities) {
    text += ' ' + each.certificate.pem + (each.key.empty() ? "(retired)" : "") +
            (each.trusted_since ? "" : "(new)");
  }
  return text;
}

inline std::string to_text(const CertificateStep& step) {
  struct Visitor {
    std::string operator()(const Rest&) const { return "rest"; }
    std::string operator()(const MakeAuthority& s) const { return "make after" + to_text(s.kept); }
    std::string operator()(const StoreAuthorities& s) const {
      return "store" + to_text(s.authorities);
    }
    std::string operator()(const WriteBundle& s) const {
      return (s.is_repair ? "repair" : "write") + to_text(s.certificates);
    }
    std::string operator()(const IssueLeaf& s) const {
      return "issue " + s.issuer.certificate.pem + " for " +
             std::to_string((s.expires_at - kNow) / days(1)) + " days";
    }
  };
  return std::visit(Visitor{}, step);
}

struct StepsRow {
  const char* what;
  std::function<void(StepsWorld&)> change;
  const char* want;
};

inline void check(const std::vector<StepsRow>& rows) {
  for (const StepsRow& row : rows) {
    CAPTURE(row.what);
    StepsWorld world;
    row.change(world);
    CHECK(to_text(next_step(world.memory, world.seen, kTimes)) == row.want);
  }
}

}  // namespace webhook
