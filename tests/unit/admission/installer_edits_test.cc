#include "admission/installer_edits.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/json_reader.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

const Json& ours() { return small_sandbox().installer.whole.value; }

Json token_mount() {
  return {{"name", "kube-api-access-x7f2q"},
          {"readOnly", true},
          {"mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"}};
}

/// Our container with `value` at `pointer`.
Json with(const char* pointer, const Json& value) {
  Json container = ours();
  container[Json::json_pointer(pointer)] = value;
  return container;
}

std::vector<Edit> edits_of(const Json& container, const Sandbox& want = small_sandbox()) {
  const std::string text = container.dump();
  JsonParser parser;
  JsonDocument document(parser, text);
  const JsonValue root = document.root();
  auto edits = to_installer_edits(root, want);
  REQUIRE_FALSE(document.error());
  return edits;
}

/// `container` after its edits, by nlohmann's implementation of RFC 6902.
Json edited(const Json& container) {
  Json operations = Json::array();
  for (const Edit& edit : edits_of(container)) {
    Json operation = {{"path", edit.place}};
    operation["op"] = edit.operation == Edit::Operation::kAdd       ? "add"
                      : edit.operation == Edit::Operation::kReplace ? "replace"
                                                                    : "remove";
    if (edit.text != nullptr) operation["value"] = Json::parse(*edit.text);
    operations.push_back(operation);
  }
  return container.patch(operations);
}

TEST_CASE("what others rightly write to the installer stays") {
  const std::string image = ours().at("image");
  const std::string digest = image.substr(image.find('@'));
  Json with_token = ours();
  with_token["volumeMounts"].push_back(token_mount());
  Json token_first = ours();
  token_first["volumeMounts"].insert(token_first["volumeMounts"].begin(), token_mount());
  for (const Json& container : {
           ours(),
           with("/imagePullPolicy", "Always"),
           with("/resources", Json::object()),
           with("/resources/limits/cpu", "2"),
           with("/terminationMessagePath", "/dev/termination-log"),
           with("/terminationMessagePolicy", "File"),
           with("/image", "mirror.example/library/busybox" + digest),
           with("/env", nullptr),
           with_token,
           token_first,
       }) {
    CAPTURE(container);
    CHECK(edits_of(container).empty());
  }
}

TEST_CASE("an image without a digest is ours only as it is") {
  Policy policy = small_policy();
  policy.installer_image = "busybox:1.37.0";
  const Sandbox unpinned = make_sandbox(policy);
  Json container = unpinned.installer.whole.value;
  CHECK(edits_of(container, unpinned).empty());
  container["image"] = "mirror.example/busybox:1.37.0";
  CHECK(edits_of(container, unpinned).size() == 1);
}

TEST_CASE("whatever else is changed in the installer is undone, member by member") {
  const std::string image = ours().at("image");
  Json two_tokens = ours();
  two_tokens["volumeMounts"].push_back(token_mount());
  two_tokens["volumeMounts"].push_back(token_mount());
  for (Json container : {
           with("/image", "evil:1"),
           with("/image", image.substr(0, image.find('@'))),
           with("/image", image + "0"),
           with("/command/2", "echo"),
           with("/command/4", "/host-seccomp/evil"),
           with("/command", nullptr),
           with("/args", {"x"}),
           with("/env", Json::array({{{"name", "PATH"}, {"value", "/evil"}}})),
           with("/envFrom", Json::array({{{"configMapRef", {{"name", "evil"}}}}})),
           with("/lifecycle", {{"postStart", {{"exec", {{"command", {"evil"}}}}}}}),
           with("/restartPolicy", "Always"),
           with("/workingDir", "/evil"),
           with("/terminationMessagePath", "/host-seccomp/evil"),
           with("/terminationMessagePolicy", "FallbackToLogsOnError"),
           with("/volumeDevices", Json::array({{{"name", "x"}, {"devicePath", "/x"}}})),
           with("/securityContext/capabilities/add", {"SYS_ADMIN"}),
           with("/securityContext/privileged", true),
           with("/securityContext", nullptr),
           with("/volumeMounts/0/subPath", "evil"),
           with("/volumeMounts/0/readOnly", nullptr),
           with("/volumeMounts/1/mountPath", "/evil"),
           with("/volumeMounts/1/mountPropagation", "Bidirectional"),
           with("/volumeMounts/2", {{"name", "x"}, {"mountPath", "/bin"}}),
           with("/volumeMounts", nullptr),
           with("/volumeMounts", Json::array()),
           with("/volumeMounts", Json::array({ours()["volumeMounts"][1]})),
           with("/newerThanThisRelease", 1),
       }) {
    CAPTURE(container);
    CHECK_FALSE(edits_of(container).empty());
    CHECK(edited(container) == ours());
    // Beside it, what others rightly wrote stays, unless a field is newer than this release.
    if (container.contains("newerThanThisRelease")) continue;
    container["imagePullPolicy"] = "Always";
    Json want = ours();
    want["imagePullPolicy"] = "Always";
    CHECK(edited(container) == want);
  }
  Json one_token = ours();
  one_token["volumeMounts"].push_back(token_mount());
  CHECK(edited(two_tokens) == one_token);
}

TEST_CASE("an installer that differs in more places than are mended one by one is replaced") {
  for (const std::size_t mounts : {100U, 100'000U}) {
    CAPTURE(mounts);
    Json container = ours();
    for (std::size_t i = 0; i < mounts; ++i) container["volumeMounts"].push_back(Json::object());
    CHECK(edits_of(container).size() == 1);
    CHECK(edited(container) == ours());
  }
}

TEST_CASE("a token's mount is one of the service account's, read-only, at its place") {
  for (const char* pointer : {"/readOnly", "/mountPath", "/name", "/subPath"}) {
    CAPTURE(pointer);
    Json mount = token_mount();
    mount[Json::json_pointer(pointer)] = "other";
    if (std::string(pointer) == "/readOnly") mount["readOnly"] = false;
    Json container = ours();
    container["volumeMounts"].push_back(mount);
    CHECK(edited(container) == ours());
  }
}

}  // namespace
}  // namespace webhook
