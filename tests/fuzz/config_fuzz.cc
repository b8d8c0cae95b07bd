// Any bytes for a configuration file: taken, or refused by place; never another exception.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "server/config.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "config_fuzz: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto config = webhook::parse_config(text, "f");
  if (!config) {
    require(config.error().message.starts_with("f:"), "refused without a place");
    return 0;
  }
  const webhook::Policy& policy = config->policy;
  require(!(policy.minimum_version < webhook::KubeVersion{1, 33}),
          "a minimum below 1.33, where hostUsers is dropped in silence");
  require(!policy.container_name.empty() && !policy.installer_image.empty(),
          "a name that is empty");
  return 0;
}
