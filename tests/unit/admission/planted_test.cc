// One field of one of our objects is changed at a time: the pod that comes out is the one that
// would have come out without it.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "admission/admission.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

const ClusterState kNew{.version = {1, 34}};

Reviewed review_pod(const Json& pod, const Sandbox& sandbox) {
  auto reviewed = review(to_review(pod).dump(), sandbox, kNew);
  REQUIRE_MESSAGE(reviewed, (reviewed ? "" : reviewed.error().message));
  return *reviewed;
}

Json patched(const Json& pod, const Reviewed& reviewed) {
  return pod.patch(to_operations(reviewed.patch));
}

/// Every place in `value`, itself too.
void collect(const Json& value, const Pointer& place, std::vector<Pointer>& places) {
  places.push_back(place);
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) collect(member, place / key, places);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) collect(value[i], place / i, places);
  }
}

/// `pod` with what is at `place` changed, in each way that keeps its type; and without it.
std::vector<Json> variants(const Json& pod, const Pointer& place, bool may_remove) {
  std::vector<Json> all;
  const auto with = [&](const Json& value) {
    Json variant = pod;
    variant[place] = value;
    all.push_back(variant);
  };
  const Json value = pod.at(place);
  if (value.is_string()) with("planted");
  if (value.is_boolean()) with(!value.get<bool>());
  if (value.is_number()) with(value.get<int>() + 1);
  if (value.is_object()) {
    with([&] {
      Json more = value;
      more["planted"] = true;
      return more;
    }());
  }
  if (value.is_array()) {
    Json more = value;
    more.push_back(value.front());
    with(more);
    Json fewer = value;
    fewer.erase(fewer.size() - 1);
    with(fewer);
  }
  if (may_remove && pod.at(place.parent_pointer()).is_object()) {
    Json variant = pod;
    variant[place.parent_pointer()].erase(place.back());
    all.push_back(variant);
  }
  return all;
}

Sandbox sandbox_by(Delivery delivery) {
  Policy policy = small_policy();
  policy.delivery = delivery;
  policy.installer_se_linux_options = {{"type", "spc_t"}};
  return make_sandbox(policy);
}

TEST_CASE("whatever is changed in our volumes, init container or annotations is put right") {
  for (const Delivery delivery : {Delivery::kConfigMap, Delivery::kAnnotation}) {
    const Sandbox sandbox = sandbox_by(delivery);
    Json plain = plain_pod();
    plain["spec"]["volumes"] = Json::array({{{"name", "tmp"}, {"emptyDir", Json::object()}}});
    plain["spec"]["initContainers"] = Json::array({{{"name", "other"}, {"image", "x"}}});
    plain["metadata"]["annotations"] = {{"other", "x"}};
    const Json want = patched(plain, review_pod(plain, sandbox));
    REQUIRE(review_pod(want, sandbox).patch.empty());
    std::vector<Pointer> places;
    for (const char* object : {"/spec/volumes/1", "/spec/volumes/2", "/spec/initContainers/0",
                               "/metadata/annotations/checksum~1seccomp"}) {
      collect(want.at(Pointer(object)), Pointer(object), places);
    }
    if (delivery == Delivery::kAnnotation) {
      places.emplace_back("/metadata/annotations/code-executor-webhook~1nsjail-seccomp.json");
    }
    std::size_t planted = 0;
    for (const Pointer& place : places) {
      const std::string text = place.to_string();
      CAPTURE(text);
      // Another name is another object; resources are anybody's to set.
      const bool is_name = place.back() == "name" && text.find("volumeMounts") == text.npos &&
                           text.find("configMap") == text.npos;
      if (is_name || text.find("/resources") != text.npos) continue;
      for (const Json& variant : variants(want, place, place.parent_pointer() != Pointer())) {
        CAPTURE(variant);
        const Reviewed reviewed = review_pod(variant, sandbox);
        CHECK((reviewed.outcome == Outcome::kSandboxed));
        CHECK(patched(variant, reviewed) == want);
        ++planted;
      }
    }
    CHECK(planted > 60);
  }
}

TEST_CASE("whatever is changed in the target's context, the pod is not called sandboxed for it") {
  const Sandbox sandbox = sandbox_by(Delivery::kConfigMap);
  const Json plain = plain_pod();
  const Json want = patched(plain, review_pod(plain, sandbox));
  const Pointer context("/spec/containers/0/securityContext");
  std::vector<Pointer> places;
  collect(want.at(context), context, places);
  for (const Pointer& place : places) {
    CAPTURE(place.to_string());
    for (const Json& variant : variants(want, place, place != context)) {
      CAPTURE(variant);
      const Reviewed reviewed = review_pod(variant, sandbox);
      if (reviewed.outcome == Outcome::kSandboxed) {
        // AppArmor and the digest may be of another configuration.
        CHECK(patched(variant, reviewed) == want);
      } else {
        CHECK((reviewed.reason == Reason::kExplicitSecurityContext));
      }
    }
  }
}

TEST_CASE("a second volume or init container of our name is taken out, wherever it stands") {
  const Sandbox sandbox = sandbox_by(Delivery::kConfigMap);
  const Json plain = plain_pod();
  const Json want = patched(plain, review_pod(plain, sandbox));
  for (const char* list : {"volumes", "initContainers"}) {
    for (const Json& object : want["spec"][list]) {
      for (std::size_t at = 0; at <= want["spec"][list].size(); ++at) {
        Json evil = object;
        evil["planted"] = true;
        Json variant = want;
        Json& objects = variant["spec"][list];
        objects.insert(objects.begin() + static_cast<std::ptrdiff_t>(at), evil);
        CAPTURE(variant);
        const Json got = patched(variant, review_pod(variant, sandbox));
        CHECK(got["spec"]["initContainers"] == want["spec"]["initContainers"]);
        CHECK(got["spec"]["volumes"].size() == 2);
        CHECK(review_pod(got, sandbox).patch.empty());
      }
    }
  }
}

}  // namespace
}  // namespace webhook
