#include "http/descriptors.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

namespace webhook {

TEST_CASE("two listeners share the descriptors that there are") {
  CHECK(share_descriptors(1'048'576) == ConnectionLimits{2000, 256});
  CHECK(share_descriptors(4096) == ConnectionLimits{2000, 256});
  CHECK(share_descriptors(1024) == ConnectionLimits{720, 240});
  CHECK(share_descriptors(256) == ConnectionLimits{144, 48});
  CHECK(share_descriptors(128) == ConnectionLimits{48, 16});
  CHECK(share_descriptors(0) == ConnectionLimits{48, 16});
}

TEST_CASE("the limit of descriptors is raised as far as it goes") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 64;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  CHECK(raise_descriptor_limit() == before.rlim_max);
  rlimit after{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace webhook
