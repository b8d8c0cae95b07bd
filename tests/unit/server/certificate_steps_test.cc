#include "server/certificate_steps.h"

#include <doctest/doctest.h>

#include <functional>

namespace webhook {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr CertificateTimes kTimes;
constexpr WallTime kNow{days(20'000)};
constexpr SteadyTime kAt{days(3)};

Certificate certificate(const std::string& name, WallTime from, WallTime until) {
  return {.pem = name, .valid_from = from, .expires_at = until};
}

/// A CA that was made so long ago.
ManagedAuthority authority(const std::string& name, days age,
                           std::optional<days> trusted_for = std::nullopt) {
  ManagedAuthority made{
      .certificate = certificate(name, kNow - age, kNow - age + kTimes.authority_life),
      .key = "key of " + name};
  if (trusted_for) made.trusted_since = kNow - *trusted_for;
  return made;
}

ManagedAuthority retired(ManagedAuthority authority) {
  authority.key.clear();
  return authority;
}

/// A replica that serves with a leaf of `young`, a day old, where everything is as it should be.
struct World {
  ManagedAuthority old = authority("old", days(300), days(300));
  ManagedAuthority young = authority("young", days(10), days(10));
  CertificateMemory memory;
  CertificateObservation seen{
      .now = kNow, .at = kAt, .secret = {"7", {young}}, .bundle = {"8", {}}};

  World() {
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

std::string to_text(const std::vector<Certificate>& certificates) {
  std::string text;
  for (const auto& each : certificates) text += ' ' + each.pem;
  return text;
}

std::string to_text(const std::vector<ManagedAuthority>& authorities) {
  std::string text;
  for (const auto& each : authorities) {
    text += ' ' + each.certificate.pem + (each.key.empty() ? "(retired)" : "") +
            (each.trusted_since ? "" : "(new)");
  }
  return text;
}

std::string to_text(const CertificateStep& step) {
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

struct Row {
  const char* what;
  std::function<void(World&)> change;
  const char* want;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    World world;
    row.change(world);
    CHECK(to_text(next_step(world.memory, world.seen, kTimes)) == row.want);
  }
}

TEST_CASE("the Secret comes first") {
  check({
      {"all is well", [](World&) {}, "rest"},
      {"no Secret", [](World& w) { w.seen.secret = {}; }, "make after"},
      {"a Secret without a CA", [](World& w) { w.seen.secret.authorities = {}; }, "make after"},
      {"no Secret, and no bundle",
       [](World& w) {
         w.seen.secret = {};
         w.set_bundle({});
       },
       "make after"},
      {"a CA in its last third", [](World& w) { w.seen.secret.authorities = {w.old}; },
       "make after old"},
      {"a CA before its last third",
       [](World& w) {
         w.seen.secret.authorities = {authority("old", days(243), days(243)), w.young};
         w.set_bundle({authority("old", days(243)).certificate, w.young.certificate});
       },
       "store old(retired) young"},
      {"an expired CA", [](World& w) { w.seen.secret.authorities = {authority("old", days(366))}; },
       "make after"},
      {"an expired CA beside a young one",
       [](World& w) {
         w.seen.secret.authorities = {authority("old", days(366)), w.young};
       },
       "store young"},
      {"someone took the key out", [](World& w) { w.seen.secret.authorities = {retired(w.young)}; },
       "make after young(retired)"},
  });
}

TEST_CASE("an old CA retires when no leaf of it can be alive, and not before") {
  const auto with = [](std::chrono::milliseconds trusted_for) {
    return [=](World& w) {
      w.young.trusted_since = kNow - trusted_for;
      w.seen.secret.authorities = {w.old, w.young};
      w.set_bundle({w.old.certificate, w.young.certificate});
    };
  };
  const auto life = kTimes.leaf_life + 4 * kTimes.clock_tolerance + kObservationCounts;
  check({
      {"its last leaf may be alive", with(life - seconds(1)), "rest"},
      {"it cannot", with(life), "store old(retired) young"},
      {"retired, it leaves the bundle",
       [](World& w) {
         w.seen.secret.authorities = {retired(w.old), w.young};
         w.set_bundle({w.old.certificate, w.young.certificate});
       },
       "write young"},
      {"and is not put back",
       [](World& w) {
         w.seen.secret.authorities = {retired(w.old), w.young};
       },
       "rest"},
      {"however trusted, it stays while the young one is new",
       [](World& w) {
         w.young.trusted_since.reset();
         w.seen.secret.authorities = {w.old, w.young};
         w.set_bundle({w.old.certificate, w.young.certificate});
         w.hold_for(seconds(1));
         w.set_leaf(w.old, days(5));
       },
       "rest"},
  });
}

TEST_CASE("the bundle holds our CAs, and what others put there") {
  const auto foreign = certificate("foreign", kNow - days(9), kNow + days(9));
  const auto expired = certificate("expired", kNow - days(9), kNow - days(1));
  check({
      {"emptied", [](World& w) { w.set_bundle({}); }, "repair young"},
      {"overwritten", [&](World& w) { w.set_bundle({foreign}); }, "repair young foreign"},
      {"foreign beside ours",
       [&](World& w) {
         w.set_bundle({foreign, w.young.certificate});
       },
       "rest"},
      {"expired beside ours",
       [&](World& w) {
         w.set_bundle({expired, w.young.certificate});
       },
       "write young"},
      {"a CA that is new",
       [](World& w) {
         w.seen.secret.authorities = {w.young, authority("next", days(0))};
       },
       "write young next"},
      {"one of two webhooks was emptied",
       [](World& w) {
         w.seen.bundle.bundles.push_back({"other", {}});
       },
       "repair young"},
      {"the first time",
       [](World& w) {
         w.young.trusted_since.reset();
         w.seen.secret.authorities = {w.young};
         w.memory = {};
         w.set_bundle({});
       },
       "write young"},
  });
}

TEST_CASE("of foreign certificates the sixteen youngest stay") {
  World world;
  std::vector<Certificate> bundle{world.young.certificate};
  for (int i = 0; i < 20; ++i) {
    bundle.push_back(certificate(std::to_string(i), kNow - days(i), kNow + days(9)));
  }
  world.set_bundle(bundle);
  CHECK(to_text(next_step(world.memory, world.seen, kTimes)) ==
        "write young 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
}

TEST_CASE("a CA is trusted once the bundle has held it for the delay") {
  const auto with = [](std::chrono::milliseconds held) {
    return [=](World& w) {
      w.seen.secret.authorities = {w.old, authority("next", days(0))};
      w.set_bundle({w.old.certificate, authority("next", days(0)).certificate});
      w.hold_for(held);
      w.set_leaf(w.old, days(6));
    };
  };
  check({
      {"not yet", with(kTimes.trust_delay - seconds(1)), "rest"},
      {"now", with(kTimes.trust_delay), "store old next"},
  });
}

TEST_CASE("a good leaf is renewed in its last third, by a CA that is trusted") {
  check({
      {"before it", [](World& w) { w.set_leaf(w.young, days(3)); }, "rest"},
      {"in it", [](World& w) { w.set_leaf(w.young, days(2)); }, "issue young for 7 days"},
      {"the CA came back into the bundle a minute ago",
       [](World& w) {
         w.set_leaf(w.young, days(2));
         w.hold_for(minutes(1));
       },
       "rest"},
      {"the CA is new",
       [](World& w) {
         w.young.trusted_since.reset();
         w.seen.secret.authorities = {w.young};
         w.set_bundle({w.young.certificate, w.old.certificate});
         w.hold_for(minutes(1));
         w.set_leaf(w.old, days(2));
       },
       "rest"},
      {"the next CA is not trusted yet",
       [](World& w) {
         const auto next = authority("next", days(0));
         w.seen.secret.authorities = {w.young, next};
         w.set_bundle({w.young.certificate, next.certificate});
         w.memory.held_since = {{"young", kAt - minutes(9)}, {"next", kAt - minutes(1)}};
         w.set_leaf(w.young, days(2));
       },
       "issue young for 7 days"},
      {"a CA that lives no longer than the leaf",
       [](World& w) {
         w.old = authority("old", days(363), days(363));
         w.young.trusted_since.reset();
         w.seen.secret.authorities = {w.old, w.young};
         w.set_bundle({w.old.certificate, w.young.certificate});
         w.hold_for(minutes(1));
         w.set_leaf(w.old, days(2));
       },
       "rest"},
  });
}

TEST_CASE("without a good leaf one is issued at once, but never by a CA that the bundle lacks") {
  check({
      {"the first", [](World& w) { w.memory.leaf.reset(); }, "issue young for 7 days"},
      {"before the bundle holds the CA",
       [](World& w) {
         w.memory.leaf.reset();
         w.set_bundle({});
       },
       "repair young"},
      {"the CA is new, and there is no other",
       [](World& w) {
         w.young.trusted_since.reset();
         w.seen.secret.authorities = {w.young};
         w.hold_for(seconds(0));
         w.memory.leaf.reset();
       },
       "issue young for 7 days"},
      {"the next CA is not trusted yet",
       [](World& w) {
         const auto next = authority("next", days(0));
         w.seen.secret.authorities = {w.young, next};
         w.set_bundle({w.young.certificate, next.certificate});
         w.memory.leaf.reset();
       },
       "issue young for 7 days"},
      {"it has expired", [](World& w) { w.set_leaf(w.young, days(0)); }, "issue young for 7 days"},
      {"it expires before the next round, and its CA came back a minute ago",
       [](World& w) {
         w.memory.leaf->expires_at = kNow + minutes(5);
         w.hold_for(minutes(1));
       },
       "issue young for 7 days"},
      {"its CA is neither in the Secret nor in the bundle",
       [](World& w) { w.set_leaf(w.old, days(5)); }, "issue young for 7 days"},
      {"its CA is in the bundle alone: after the Secret was lost it is still good",
       [](World& w) {
         w.set_leaf(w.old, days(5));
         w.set_bundle({w.young.certificate, w.old.certificate});
       },
       "rest"},
  });
}

TEST_CASE("a CA at its very end issues nothing any more, trusted or not the next one does") {
  World world;
  world.old = authority("old", days(365), days(365));
  world.old.certificate.expires_at = kNow + minutes(5);
  const auto next = authority("next", days(0));
  world.seen.secret.authorities = {world.old, next};
  world.set_bundle({world.old.certificate, next.certificate});
  world.hold_for(seconds(1));
  world.memory.leaf = OwnLeaf{world.old.certificate, kNow - days(1), kNow + minutes(5)};
  CHECK(to_text(next_step(world.memory, world.seen, kTimes)) == "issue next for 7 days");
}

TEST_CASE("no leaf outlives its CA") {
  World world;
  world.seen.secret.authorities = {authority("old", days(363), days(363)),
                                   authority("next", days(0))};
  world.set_bundle(
      {authority("old", days(363)).certificate, authority("next", days(0)).certificate});
  world.hold_for(seconds(1));
  world.memory.leaf.reset();
  CHECK(to_text(next_step(world.memory, world.seen, kTimes)) == "issue old for 2 days");
}

TEST_CASE("what the bundle holds counts from when it was first seen, without a gap") {
  World world;
  world.memory = {};
  const auto look = [&](std::chrono::milliseconds later, std::vector<Certificate> bundle) {
    world.seen.at = kAt + later;
    world.set_bundle(std::move(bundle));
    note_bundle(world.memory, world.seen, kTimes);
    const auto since = world.memory.held_since.find("young");
    return since == world.memory.held_since.end()
               ? seconds(-1)
               : std::chrono::floor<seconds>(since->second - kAt);
  };
  const Certificate young = world.young.certificate;
  CHECK(look(seconds(0), {young}) == seconds(0));
  CHECK(look(seconds(50), {young}) == seconds(0));
  CHECK(look(seconds(60), {}) == seconds(-1));
  CHECK(look(seconds(70), {young}) == seconds(70));
  CHECK(look(seconds(130), {young}) == seconds(70));
  // Nobody looked for longer than half of the delay.
  CHECK(look(seconds(191), {young}) == seconds(191));
}

}  // namespace
}  // namespace webhook
