#include "http/memory_budget.h"

namespace webhook {

bool MemoryBudget::try_reserve(std::size_t bytes, bool is_small) {
  const std::size_t limit = is_small ? total_ : total_ - headroom_;
  std::size_t used = used_;
  do {
    if (used > limit || bytes > limit - used) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes));
  return true;
}

bool MemoryShare::resize(std::size_t bytes) {
  if (bytes > bytes_) {
    if (!budget_.try_reserve(bytes - bytes_, bytes <= small_)) return false;
  } else {
    budget_.release(bytes_ - bytes);
  }
  bytes_ = bytes;
  return true;
}

}  // namespace webhook
