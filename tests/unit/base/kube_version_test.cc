#include "base/kube_version.h"

#include <doctest/doctest.h>

namespace webhook {
namespace {

TEST_CASE("parse_kube_version reads every spelling of people and API servers") {
  struct Row {
    const char* text;
    KubeVersion want;
  };
  for (const Row& row : {
           Row{"v1.33.2", {1, 33}},
           Row{"1.34.3", {1, 34}},
           Row{"1.33", {1, 33}},
           Row{"1.33+", {1, 33}},
           Row{"v1.33.5-gke.2019000", {1, 33}},
           Row{"v1.33.5-eks-3025e55", {1, 33}},
           Row{"v1.33.3+k3s1", {1, 33}},
           Row{"v1.34.0-rc.1", {1, 34}},
           Row{"v1.34.0-rc.1+build.7", {1, 34}},
           Row{"v2.0.0", {2, 0}},
       }) {
    CAPTURE(row.text);
    const auto got = parse_kube_version(row.text);
    REQUIRE(got);
    CHECK((*got == row.want));
  }
}

TEST_CASE("parse_kube_version refuses what it cannot order") {
  for (const char* text : {"", "v", "1", "v1", "v1.", "v1.x", "v-1.33", "v1.-33", "v1.+33", "v0.33",
                           "v1.33x", "v1.99999999999", "v1.1234", " 1.33", "vv1.33", "latest"}) {
    CAPTURE(text);
    const auto got = parse_kube_version(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().message == std::string("not a Kubernetes version: '") + text +
                                     "' (expected v<major>.<minor>, such as v1.34.3)");
  }
}

TEST_CASE("KubeVersion orders 1.9 before 1.33") {
  CHECK((KubeVersion{1, 9} < KubeVersion{1, 33}));
  CHECK((KubeVersion{1, 33} < KubeVersion{2, 0}));
  CHECK(to_string(KubeVersion{1, 33}) == "1.33");
}

TEST_CASE("parse_version_info reads what real API servers answer") {
  struct Row {
    const char* body;
    KubeVersion version;
    const char* git_version;
  };
  for (
      const Row& row : {
          Row{R"({"major":"1","minor":"33","gitVersion":"v1.33.5-gke.2019000"})",
              {1, 33},
              "v1.33.5-gke.2019000"},
          Row{R"({"major":"1","minor":"32+","gitVersion":"v1.32.9-eks-3025e55"})",
              {1, 32},
              "v1.32.9-eks-3025e55"},
          Row{R"({"major":"1","minor":"34","gitVersion":"v1.34.0-rc.1"})", {1, 34}, "v1.34.0-rc.1"},
          // Features follow the emulated version, so it wins over the binary's own.
          Row{R"({"major":"1","minor":"34","emulationMajor":"1","emulationMinor":"32","gitVersion":"v1.34.1"})",
              {1, 32},
              "v1.34.1"},
          Row{R"({"major":"1","minor":"34","emulationMajor":"","emulationMinor":"","gitVersion":"v1.34.1"})",
              {1, 34},
              "v1.34.1"},
          Row{R"({"major":"","minor":"","gitVersion":"v1.33.3+k3s1"})", {1, 33}, "v1.33.3+k3s1"},
          Row{R"({"major":1,"minor":33,"gitVersion":"v1.33.3"})", {1, 33}, "v1.33.3"},
          Row{R"({"major":"1","minor":"33"})", {1, 33}, "v1.33"},
      }) {
    CAPTURE(row.body);
    const auto got = parse_version_info(row.body);
    REQUIRE(got);
    CHECK((got->version == row.version));
    CHECK(got->git_version == row.git_version);
  }
}

TEST_CASE("parse_version_info refuses nonsense") {
  for (const char* body : {"", "nonsense", "[]", "null", "{}", R"({"major":"one","minor":"two"})",
                           R"({"gitVersion":"latest"})", R"({"major":"1","minor":"-33"})",
                           R"({"major":"0","minor":"0"})"}) {
    CAPTURE(body);
    const auto got = parse_version_info(body);
    REQUIRE_FALSE(got);
    CHECK(got.error().message.starts_with("/version: "));
  }
}

}  // namespace
}  // namespace webhook
