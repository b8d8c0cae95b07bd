#pragma once

#include <vector>

#include "base/result.h"
#include "tls/openssl.h"
#include "tls/pem_file.h"

namespace webhook {

/// The certificates in `pem`, at least one. Error: there is none, or one is damaged.
Result<std::vector<X509Ptr>> parse_certificates(const PemFile& pem);

/// The private key in `pem`. Error: there is none, or it is encrypted.
Result<EvpPkeyPtr> parse_private_key(const PemFile& pem);

}  // namespace webhook
