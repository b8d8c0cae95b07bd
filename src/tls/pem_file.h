#pragma once

#include <string>

namespace webhook {

/// A text and the file it was read from, or another name of it, which messages begin with.
struct PemFile {
  std::string file;
  std::string text;

  friend bool operator==(const PemFile&, const PemFile&) = default;
};

}  // namespace webhook
