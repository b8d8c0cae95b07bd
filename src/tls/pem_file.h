#pragma once

#include <cstddef>
#include <string>

namespace webhook {

/// No file of certificates or of a key is larger: the bundle of all public CAs has a quarter of it.
inline constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20U;

/// A text and the file it was read from, or another name of it, which messages begin with.
struct PemFile {
  std::string file;
  std::string text;

  friend bool operator==(const PemFile&, const PemFile&) = default;
};

}  // namespace webhook
