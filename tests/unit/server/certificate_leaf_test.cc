#include "unit/server/certificate_steps_world.h"

namespace webhook {
namespace {

TEST_CASE("a CA is trusted once the bundle has held it for the delay") {
  const auto with = [](std::chrono::milliseconds held) {
    return [=](StepsWorld& w) {
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
      {"before it", [](StepsWorld& w) { w.set_leaf(w.young, days(3)); }, "rest"},
      {"in it", [](StepsWorld& w) { w.set_leaf(w.young, days(2)); }, "issue young for 7 days"},
      {"the CA came back into the bundle a minute ago",
       [](StepsWorld& w) {
         w.set_leaf(w.young, days(2));
         w.hold_for(minutes(1));
       },
       "rest"},
      {"the CA is new",
       [](StepsWorld& w) {
         w.young.trusted_since.reset();
         w.seen.secret.authorities = {w.young};
         w.set_bundle({w.young.certificate, w.old.certificate});
         w.hold_for(minutes(1));
         w.set_leaf(w.old, days(2));
       },
       "rest"},
      {"the next CA is not trusted yet",
       [](StepsWorld& w) {
         const auto next = authority("next", days(0));
         w.seen.secret.authorities = {w.young, next};
         w.set_bundle({w.young.certificate, next.certificate});
         w.memory.held_since = {{"young", kAt - minutes(9)}, {"next", kAt - minutes(1)}};
         w.set_leaf(w.young, days(2));
       },
       "issue young for 7 days"},
      {"a CA that lives no longer than the leaf",
       [](StepsWorld& w) {
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
      {"the first", [](StepsWorld& w) { w.memory.leaf.reset(); }, "issue young for 7 days"},
      {"before the bundle holds the CA",
       [](StepsWorld& w) {
         w.memory.leaf.reset();
         w.set_bundle({});
       },
       "repair young"},
      {"the CA is new, and there is no other",
       [](StepsWorld& w) {
         w.young.trusted_since.reset();
         w.seen.secret.authorities = {w.young};
         w.hold_for(seconds(0));
         w.memory.leaf.reset();
       },
       "issue young for 7 days"},
      {"the next CA is not trusted yet",
       [](StepsWorld& w) {
         const auto next = authority("next", days(0));
         w.seen.secret.authorities = {w.young, next};
         w.set_bundle({w.young.certificate, next.certificate});
         w.memory.leaf.reset();
       },
       "issue young for 7 days"},
      {"it is of a CA that a clock has made which was a day ahead",
       [](StepsWorld& w) {
         const auto ahead = authority("ahead", days(-1));
         w.set_leaf(ahead, days(6));
         w.set_bundle({w.young.certificate, ahead.certificate});
       },
       "issue young for 7 days"},
      {"it is of a good CA, by a clock that was an hour ahead",
       [](StepsWorld& w) {
         w.memory.leaf = OwnLeaf{w.young.certificate, kNow + hours(1), kNow + days(7) + hours(1)};
       },
       "issue young for 7 days"},
      {"by one that was ahead by no more than all may be",
       [](StepsWorld& w) {
         w.memory.leaf =
             OwnLeaf{w.young.certificate, kNow + 2 * kTimes.clock_tolerance, kNow + days(7)};
       },
       "rest"},
      {"it has expired", [](StepsWorld& w) { w.set_leaf(w.young, days(0)); },
       "issue young for 7 days"},
      {"it expires before the next round, and its CA came back a minute ago",
       [](StepsWorld& w) {
         w.memory.leaf->expires_at = kNow + minutes(5);
         w.hold_for(minutes(1));
       },
       "issue young for 7 days"},
      {"its CA is neither in the Secret nor in the bundle",
       [](StepsWorld& w) { w.set_leaf(w.old, days(5)); }, "issue young for 7 days"},
      {"its CA is in the bundle alone: after the Secret was lost it is still good",
       [](StepsWorld& w) {
         w.set_leaf(w.old, days(5));
         w.set_bundle({w.young.certificate, w.old.certificate});
       },
       "rest"},
  });
}

TEST_CASE("a CA at its very end issues nothing any more, trusted or not the next one does") {
  StepsWorld world;
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
  StepsWorld world;
  world.seen.secret.authorities = {authority("old", days(363), days(363)),
                                   authority("next", days(0))};
  world.set_bundle(
      {authority("old", days(363)).certificate, authority("next", days(0)).certificate});
  world.hold_for(seconds(1));
  world.memory.leaf.reset();
  CHECK(to_text(next_step(world.memory, world.seen, kTimes)) == "issue old for 2 days");
}

TEST_CASE("what the bundle holds counts from when it was first seen, without a gap") {
  StepsWorld world;
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
