#include "server/parser_pool.h"

#include <utility>

namespace webhook {
namespace {

/// The largest body whose parser is kept, outside the budget of memory: 16 of them are 15 MiB.
/// Reviews are a few KB, rarely more.
constexpr std::size_t kKeptCapacity = std::size_t{64} << 10U;

}  // namespace

ParserPool::Lease::Lease(ParserPool& pool, JsonParser parser)
    : pool_(pool), parser_(std::move(parser)) {}

ParserPool::Lease::~Lease() { pool_.take_back(std::move(parser_)); }

ParserPool::Lease ParserPool::lease() {
  {
    const std::lock_guard lock(mutex_);
    if (!parsers_.empty()) {
      JsonParser parser = std::move(parsers_.back());
      parsers_.pop_back();
      return {*this, std::move(parser)};
    }
  }
  return {*this, JsonParser()};
}

std::size_t ParserPool::kept() const {
  const std::lock_guard lock(mutex_);
  return parsers_.size();
}

void ParserPool::take_back(JsonParser parser) {
  if (parser.capacity() > kKeptCapacity) return;
  const std::lock_guard lock(mutex_);
  if (parsers_.size() < most_kept_) parsers_.push_back(std::move(parser));
}

}  // namespace webhook
