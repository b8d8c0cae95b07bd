#include "http/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace webhook {
namespace {

constexpr std::size_t kOwn = 64;
constexpr std::size_t kMaxAdmission = 2000;
/// Kubelets and scrapers have a few connections, for a moment.
constexpr std::size_t kMaxOps = 256;

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : soft;
}

ConnectionLimits share_descriptors(std::size_t descriptors) {
  const std::size_t free = std::max(descriptors, 2 * kOwn) - kOwn;
  const std::size_t ops = std::min(kMaxOps, free / 4);
  return {.admission = std::min(kMaxAdmission, free - ops), .ops = ops};
}

}  // namespace webhook
