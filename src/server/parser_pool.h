#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "base/json_parser.h"

namespace webhook {

/// Parsers for the workers of a listener, which answer at the same time: each borrows one for a
/// review. A few of moderate size are kept, so that one huge body does not hold memory for good.
/// Thread-safe; outlives its leases.
class ParserPool {
 public:
  class Lease {
   public:
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    JsonParser& operator*() { return parser_; }

   private:
    friend class ParserPool;
    Lease(ParserPool& pool, JsonParser parser);

    ParserPool& pool_;
    JsonParser parser_;
  };

  explicit ParserPool(std::size_t most_kept = 16) : most_kept_(most_kept) {
    parsers_.reserve(most_kept);  // so that taking one back cannot fail
  }

  /// The parser that came back last, else a new one.
  [[nodiscard]] Lease lease();

  [[nodiscard]] std::size_t kept() const;

 private:
  void take_back(JsonParser parser);

  const std::size_t most_kept_;
  mutable std::mutex mutex_;  ///< Of what follows.
  std::vector<JsonParser> parsers_;
};

}  // namespace webhook
