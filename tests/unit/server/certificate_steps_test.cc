#include "unit/server/certificate_steps_world.h"

namespace webhook {
namespace {

TEST_CASE("the Secret comes first") {
  check({
      {"all is well", [](StepsWorld&) {}, "rest"},
      {"no Secret", [](StepsWorld& w) { w.seen.secret = {}; }, "make after"},
      {"a Secret without a CA", [](StepsWorld& w) { w.seen.secret.authorities = {}; },
       "make after"},
      {"no Secret, and no bundle",
       [](StepsWorld& w) {
         w.seen.secret = {};
         w.set_bundle({});
       },
       "make after"},
      {"a CA in its last third", [](StepsWorld& w) { w.seen.secret.authorities = {w.old}; },
       "make after old"},
      {"a CA before its last third",
       [](StepsWorld& w) {
         w.seen.secret.authorities = {authority("old", days(243), days(243)), w.young};
         w.set_bundle({authority("old", days(243)).certificate, w.young.certificate});
       },
       "store old(retired) young"},
      {"an expired CA",
       [](StepsWorld& w) { w.seen.secret.authorities = {authority("old", days(366))}; },
       "make after"},
      {"an expired CA beside a young one",
       [](StepsWorld& w) {
         w.seen.secret.authorities = {authority("old", days(366)), w.young};
       },
       "store young"},
      {"a CA that a clock has made which was a day ahead",
       [](StepsWorld& w) {
         w.seen.secret.authorities = {w.young, authority("ahead", days(-1))};
       },
       "store young"},
      {"that one alone",
       [](StepsWorld& w) { w.seen.secret.authorities = {authority("ahead", days(-1))}; },
       "make after"},
      {"a CA that is valid from now on",
       [](StepsWorld& w) {
         w.seen.secret.authorities = {w.young, authority("next", seconds(0))};
       },
       "write young next"},
      {"a CA that is valid a second later",
       [](StepsWorld& w) {
         w.seen.secret.authorities = {w.young, authority("next", seconds(-1))};
       },
       "store young"},
      {"someone took the key out",
       [](StepsWorld& w) { w.seen.secret.authorities = {retired(w.young)}; },
       "make after young(retired)"},
  });
}

TEST_CASE("an old CA retires when no leaf of it can be alive, and not before") {
  const auto with = [](std::chrono::milliseconds trusted_for) {
    return [=](StepsWorld& w) {
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
       [](StepsWorld& w) {
         w.seen.secret.authorities = {retired(w.old), w.young};
         w.set_bundle({w.old.certificate, w.young.certificate});
       },
       "write young"},
      {"and is not put back",
       [](StepsWorld& w) {
         w.seen.secret.authorities = {retired(w.old), w.young};
       },
       "rest"},
      {"however trusted, it stays while the young one is new",
       [](StepsWorld& w) {
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
      {"emptied", [](StepsWorld& w) { w.set_bundle({}); }, "repair young"},
      {"overwritten", [&](StepsWorld& w) { w.set_bundle({foreign}); }, "repair young foreign"},
      {"foreign beside ours",
       [&](StepsWorld& w) {
         w.set_bundle({foreign, w.young.certificate});
       },
       "rest"},
      {"expired beside ours",
       [&](StepsWorld& w) {
         w.set_bundle({expired, w.young.certificate});
       },
       "write young"},
      {"a CA that is new",
       [](StepsWorld& w) {
         w.seen.secret.authorities = {w.young, authority("next", days(0))};
       },
       "write young next"},
      {"one of two webhooks was emptied",
       [](StepsWorld& w) {
         w.seen.bundle.bundles.push_back({"other", {}});
       },
       "repair young"},
      {"the first time",
       [](StepsWorld& w) {
         w.young.trusted_since.reset();
         w.seen.secret.authorities = {w.young};
         w.memory = {};
         w.set_bundle({});
       },
       "write young"},
  });
}

TEST_CASE("of foreign certificates the sixteen youngest stay") {
  StepsWorld world;
  std::vector<Certificate> bundle{world.young.certificate};
  for (int i = 0; i < 20; ++i) {
    bundle.push_back(certificate(std::to_string(i), kNow - days(i), kNow + days(9)));
  }
  bundle.push_back(certificate("expired", kNow - days(30), kNow - days(20)));
  world.set_bundle(bundle);
  const CertificateStep step = next_step(world.memory, world.seen, kTimes);
  CHECK(to_text(step) == "write young 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
  CHECK(std::get<WriteBundle>(step).dropped == 4);
}

}  // namespace
}  // namespace webhook
