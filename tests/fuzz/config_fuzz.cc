// Any bytes for a configuration file: taken, or refused by place; never another exception.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "server/config.h"
#include "yaml/error.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "config_fuzz: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const webhook::Config config = webhook::parse_config(text, "f");
    require(!(config.policy.minimum_version < webhook::KubeVersion{1, 33}),
            "a minimum below 1.33, where hostUsers is dropped in silence");
    require(!config.policy.container_name.empty() && !config.policy.installer_image.empty(),
            "a name that is empty");
  } catch (const webhook::YamlError& error) {
    require(std::string(error.what()).rfind("f:", 0) == 0, "refused without a place");
  }
  return 0;
}
