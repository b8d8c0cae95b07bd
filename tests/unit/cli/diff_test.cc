#include "cli/diff.h"

#include <doctest/doctest.h>

namespace webhook {

TEST_CASE("the same text has no difference") { CHECK(to_diff("a\n", "a\n", "f", false).empty()); }

TEST_CASE("a change stands between three lines of context") {
  CHECK(to_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "f", false) ==
        "--- f\n+++ f (mutated)\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST_CASE("changes far apart are hunks of their own, counted from what was added") {
  const std::string before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
  const std::string after = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n";
  CHECK(to_diff(before, after, "f", false) ==
        "--- f\n+++ f (mutated)\n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -9,4 +10,3 @@\n 9\n 10\n 11\n"
        "-12\n");
}

TEST_CASE("changes whose contexts meet are one hunk") {
  CHECK(to_diff("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n", "f", false) ==
        "--- f\n+++ f (mutated)\n@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
}

TEST_CASE("a terminal sees what went red and what came green") {
  CHECK(to_diff("1\n", "2\n", "f", true) ==
        "--- f\n+++ f (mutated)\n@@ -1,1 +1,1 @@\n\033[31m-1\033[0m\n\033[32m+2\033[0m\n");
}

}  // namespace webhook
