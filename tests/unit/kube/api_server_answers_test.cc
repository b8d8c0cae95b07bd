#include "kube/api_server_answers.h"

#include <doctest/doctest.h>

#include <vector>

namespace webhook {
namespace {

using namespace std::chrono_literals;

ApiServerAnswer answer_of(int minor, std::optional<bool> drops = {}, int patch = 0) {
  return {.version = {{1, minor}, "v1." + std::to_string(minor) + '.' + std::to_string(patch)},
          .drops = drops};
}

TEST_CASE("what several API servers say is put together on the safe side") {
  struct Row {
    const char* what;
    std::vector<ApiServerAnswer> answers;
    const char* oldest;
    std::optional<bool> drops;
    bool differ;
  };
  for (const Row& row : {
           Row{"one", {answer_of(34, false)}, "v1.34.0", false, false},
           Row{"one that was not probed", {answer_of(34)}, "v1.34.0", std::nullopt, false},
           Row{"one too old", {answer_of(32)}, "v1.32.0", std::nullopt, false},
           Row{"both sides of the gate",
               {answer_of(33, false), answer_of(32)},
               "v1.32.0",
               false,
               true},
           Row{"the same, the other way round",
               {answer_of(32), answer_of(33)},
               "v1.32.0",
               std::nullopt,
               true},
           Row{"the same side",
               {answer_of(35, false), answer_of(33, false)},
               "v1.33.0",
               false,
               false},
           Row{"both too old", {answer_of(31), answer_of(32)}, "v1.31.0", std::nullopt, false},
           Row{"one drops", {answer_of(34, true), answer_of(34, false)}, "v1.34.0", true, true},
           Row{"all drop", {answer_of(34, true), answer_of(34, true)}, "v1.34.0", true, false},
           Row{"one drops, one does not say",
               {answer_of(34, true), answer_of(34)},
               "v1.34.0",
               true,
               false},
           Row{"one keeps, one does not say",
               {answer_of(34), answer_of(34, false)},
               "v1.34.0",
               false,
               false},
           Row{"patch numbers",
               {answer_of(34, {}, 2), answer_of(34, {}, 1), answer_of(34, {}, 2)},
               "v1.34.1",
               std::nullopt,
               false},
       }) {
    CAPTURE(row.what);
    ApiServerAnswers answers(10min);
    for (const auto& each : row.answers) answers.add({}, each);
    const auto servers = answers.servers();
    REQUIRE(servers);
    CHECK(servers->oldest.git_version == row.oldest);
    CHECK((servers->drops == row.drops));
    CHECK(servers->differ({1, 33}) == row.differ);
  }
}

TEST_CASE("an answer counts until one comes that is a window younger") {
  ApiServerAnswers answers(10min);
  CHECK_FALSE(answers.servers());
  const ApiServerAnswers::Time start{};
  answers.add(start, answer_of(32));
  answers.add(start + 10min - 1ms, answer_of(33, true));
  CHECK(answers.size() == 2);
  CHECK((answers.servers()->oldest.version == KubeVersion{1, 32}));
  answers.add(start + 10min, answer_of(33));
  CHECK(answers.size() == 2);
  CHECK((answers.servers()->oldest.version == KubeVersion{1, 33}));
  // What the last probe said is not forgotten for want of another.
  answers.add(start + 30min, answer_of(33));
  CHECK(answers.size() == 1);
  CHECK((answers.servers()->drops == true));
  answers.add(start + 30min, answer_of(33, false));
  CHECK((answers.servers()->drops == false));
}

}  // namespace
}  // namespace webhook
