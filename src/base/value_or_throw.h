#pragma once

#include <stdexcept>
#include <utility>

#include "base/result.h"

namespace webhook {

/// The value, for the time before the server runs: throws std::runtime_error where there is none.
template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace webhook
