#include "server/seccomp_profile_file.h"

#include <string_view>

#include "admission/seccomp_profile.h"
#include "os/file.h"
#include "tls/openssl.h"

namespace webhook {

extern const std::string_view kNsjailSeccompProfile;  // profiles/nsjail-seccomp.json, embedded

namespace {

/// More than any delivery carries, so that it is said how many bytes are too many.
constexpr std::size_t kMaxBytes = 2 * kMaxConfigMapBytes;

}  // namespace

Result<SeccompProfile> load_seccomp_profile(const std::string& file, Delivery delivery) {
  auto bytes =
      file.empty() ? Result(std::string(kNsjailSeccompProfile)) : try_read_file(file, kMaxBytes);
  if (!bytes) return bytes.error();
  if (const auto error = validate_seccomp_profile(*bytes, delivery)) {
    return Error{(file.empty() ? "the built-in profile" : file) + ": " + error->message};
  }
  std::string sha256 = sha256_hex(*bytes);
  return SeccompProfile{.bytes = std::move(*bytes), .sha256 = std::move(sha256)};
}

}  // namespace webhook
