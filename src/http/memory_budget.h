#pragma once

#include <atomic>
#include <cstddef>

namespace webhook {

/// The bytes that whoever calls may make us use, however many they are: bodies that arrive, what
/// reads them, answers that are not read, connections. Thread-safe; outlives its shares.
class MemoryBudget {
 public:
  /// Of `total` bytes, `headroom` is left to small shares, so that those who send large bodies
  /// cannot keep everybody out.
  explicit MemoryBudget(std::size_t total, std::size_t headroom = 0)
      : total_(total), headroom_(headroom) {}

  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  friend class MemoryShare;

  bool try_reserve(std::size_t bytes, bool is_small);
  void release(std::size_t bytes) { used_ -= bytes; }

  const std::size_t total_;
  const std::size_t headroom_;
  std::atomic<std::size_t> used_{0};
};

/// A part of a budget, empty at first, given back at its end. For one thread at a time.
class MemoryShare {
 public:
  /// The headroom is for shares of up to `small` bytes.
  explicit MemoryShare(MemoryBudget& budget, std::size_t small = std::size_t{64} << 10U)
      : budget_(budget), small_(small) {}
  ~MemoryShare() { budget_.release(bytes_); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  /// Makes it `bytes` large. False: the budget has not so much left, and nothing has changed. To
  /// shrink always works.
  [[nodiscard]] bool resize(std::size_t bytes);

  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  MemoryBudget& budget_;
  const std::size_t small_;
  std::size_t bytes_ = 0;
};

}  // namespace webhook
