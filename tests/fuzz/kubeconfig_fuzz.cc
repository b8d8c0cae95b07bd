// Any bytes for a kubeconfig: an API server to ask, or refused by place; never another exception.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "base/dns_name.h"
#include "kube/kubeconfig.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "kubeconfig_fuzz: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const webhook::KubeAccess access = webhook::parse_kubeconfig({{"/d/f", text}});
    require(!access.host.empty() && !access.port.empty(), "nobody to ask");
    require(access.path_prefix.empty() || access.path_prefix.front() == '/', "a path without /");
    require(webhook::is_dns_label(access.ns), "a namespace that cannot be");
    require(access.verify_server || access.authorities.empty(), "an authority that is not asked");
    require(access.client_certificate.empty() == access.client_key.empty(), "half a pair");
  } catch (const std::runtime_error& error) {
    require(std::string(error.what()).rfind("/d/f:", 0) == 0, "refused without a place");
  }
  return 0;
}
