#include "edge/seccomp_profile_file.h"

#include <string_view>

#include "edge/file.h"
#include "edge/openssl.h"

namespace webhook {

extern const std::string_view kNsjailSeccompProfile;  // profiles/nsjail-seccomp.json, embedded

SeccompProfile load_seccomp_profile(const std::string& file) {
  SeccompProfile profile;
  profile.bytes = file.empty() ? std::string(kNsjailSeccompProfile) : read_file(file);
  profile.sha256 = sha256_hex(profile.bytes);
  return profile;
}

}  // namespace webhook
