// Any bytes for a manifest: refused by place, or read; and what is read is printed so that it reads
// back as the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "yaml/manifest.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "manifest_fuzz: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<webhook::Document> documents;
  try {
    documents = webhook::parse_manifest(text, "f");
  } catch (const std::runtime_error& error) {
    require(std::string(error.what()).rfind("f:", 0) == 0, "refused without a place");
    return 0;
  }
  for (webhook::Document& document : documents) {
    webhook::for_each_pod(document, [](const webhook::PodPlace& place) {
      require(place.object->contains(place.template_at), "a pod where none is");
    });
    const auto again = webhook::parse_manifest(webhook::to_yaml(document), "again");
    require(again.size() == 1 && again.front() == document, "reads back as another");
  }
  return 0;
}
