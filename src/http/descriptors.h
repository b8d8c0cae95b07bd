#pragma once

#include <cstddef>

namespace webhook {

/// Raises the soft limit of open descriptors to the hard one. How many may be open then.
std::size_t raise_descriptor_limit();

/// Connections that each of two listeners may have, so that neither takes the other's descriptors.
struct ConnectionLimits {
  std::size_t admission = 0;
  std::size_t ops = 0;

  friend bool operator==(const ConnectionLimits&, const ConnectionLimits&) = default;
};

/// Of `descriptors` some stay for files and for calls of our own.
ConnectionLimits share_descriptors(std::size_t descriptors);

}  // namespace webhook
