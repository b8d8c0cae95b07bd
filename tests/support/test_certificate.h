#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace webhook::test {

/// A certificate and its key, with both as PEM.
struct Pair {
  X509Ptr certificate;
  EvpPkeyPtr key;
  std::string certificate_pem;
  std::string key_pem;
};

struct Wish {
  std::string common_name = "localhost";
  std::vector<std::string> dns_names = {};
  std::chrono::hours valid_from{-1};  ///< From now.
  std::chrono::hours expires_in{24};
  bool is_ca = false;
};

/// A new P-256 pair, signed by `issuer`, or by itself.
Pair make_pair(const Wish& wish = {}, const Pair* issuer = nullptr);

}  // namespace webhook::test
