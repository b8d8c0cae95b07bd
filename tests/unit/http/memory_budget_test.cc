#include "http/memory_budget.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace webhook {

TEST_CASE("a budget is given out to the last byte, and given back") {
  MemoryBudget budget(100);
  MemoryShare first(budget);
  CHECK(first.resize(60));
  {
    MemoryShare second(budget);
    CHECK_FALSE(second.resize(41));
    CHECK(second.size() == 0);
    CHECK(second.resize(40));
    CHECK(budget.used() == 100);
    CHECK_FALSE(first.resize(61));
    CHECK(first.size() == 60);
    CHECK(first.resize(60));
  }
  CHECK(budget.used() == 60);
  CHECK(first.resize(100));
  CHECK(first.resize(0));
  CHECK(budget.used() == 0);
  CHECK_FALSE(first.resize(static_cast<std::size_t>(-1)));
}

TEST_CASE("large shares leave the headroom to small ones") {
  MemoryBudget budget(100, 30);
  MemoryShare large(budget, 10);
  CHECK_FALSE(large.resize(71));
  CHECK(large.resize(70));
  MemoryShare other(budget, 10);
  CHECK_FALSE(other.resize(11));
  CHECK(other.resize(10));
  MemoryShare third(budget, 20);
  CHECK(third.resize(20));
  CHECK(budget.used() == 100);
  CHECK(large.resize(65));  // to shrink always works
}

TEST_CASE("threads together never take more than there is") {
  constexpr std::size_t kTotal = 1'000;
  MemoryBudget budget(kTotal);
  std::atomic<bool> is_over{false};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (std::size_t turn = 0; turn < 10'000; ++turn) {
          MemoryShare share(budget);
          if (share.resize(300 + turn % 100) && budget.used() > kTotal) is_over = true;
        }
      });
    }
  }
  CHECK_FALSE(is_over);
  CHECK(budget.used() == 0);
}

}  // namespace webhook
