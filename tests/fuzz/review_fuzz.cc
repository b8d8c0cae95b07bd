// Any bytes for a body. What is answered must be an answer that the API server takes: a patch that
// applies, and that is not made twice.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "support/oracle.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "review_fuzz: %s\n", what);
  std::abort();
}

Sandbox sandbox_of(Delivery delivery, bool replace_chart_default) {
  Policy policy = small_policy();
  policy.delivery = delivery;
  policy.replace_chart_default = replace_chart_default;
  return make_sandbox(policy);
}

void check(std::string_view body, const Sandbox& sandbox, const ClusterState& cluster) {
  const auto reviewed = review(body, sandbox, cluster);
  if (!reviewed) {
    require(!reviewed.error().message.empty(), "refused without a reason");
    return;
  }
  require(Json::accept(reviewed->wire), "the answer is not JSON");
  Json document = Json::parse(body, nullptr, false);
  require(!document.is_discarded(), "the body is JSON to us and not to others");
  require(to_fields(*parse_review(body, sandbox)) == to_fields(read_plainly(document, sandbox)),
          "the facts differ from those of a plain reader");
  if (reviewed->patch.empty()) return;
  Json& pod = document["request"]["object"];
  pod = pod.patch(to_operations(reviewed->patch));  // throws if it does not apply
  const auto again = review(document.dump(), sandbox, cluster);
  require(again.has_value() && again->patch.empty(), "the patch is made twice");
}

}  // namespace
}  // namespace webhook

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace webhook;
  static const Sandbox kPlain = sandbox_of(Delivery::kConfigMap, false);
  static const Sandbox kOther = sandbox_of(Delivery::kAnnotation, true);
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check(body, kPlain, {.version = {1, 34}});
  check(body, kOther, {.version = {1, 34}});
  check(body, kPlain, {.version = {1, 32}});
  return 0;
}
