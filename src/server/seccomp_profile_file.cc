#include "server/seccomp_profile_file.h"

#include <stdexcept>
#include <string_view>

#include "admission/seccomp_profile.h"
#include "os/file.h"
#include "tls/openssl.h"

namespace webhook {

extern const std::string_view kNsjailSeccompProfile;  // profiles/nsjail-seccomp.json, embedded

SeccompProfile load_seccomp_profile(const std::string& file, Delivery delivery) {
  SeccompProfile profile;
  profile.bytes = file.empty() ? std::string(kNsjailSeccompProfile) : read_file(file);
  if (const auto error = validate_seccomp_profile(profile.bytes, delivery)) {
    throw std::runtime_error((file.empty() ? "the built-in profile" : file) + ": " +
                             error->message);
  }
  profile.sha256 = sha256_hex(profile.bytes);
  return profile;
}

}  // namespace webhook
