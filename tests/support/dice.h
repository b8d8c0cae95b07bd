#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include <nlohmann/json.hpp>

namespace webhook {

/// Draws that are the same on every machine: the standard fixes the engine, not the distributions.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
  bool one_in(std::size_t n) { return below(n) == 0; }

  const nlohmann::json& any(const nlohmann::json& list) { return list[below(list.size())]; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace webhook
