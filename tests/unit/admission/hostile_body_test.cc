// Bodies that no API server sends. Each is refused in words that say where, or answered; nothing of
// it comes back, and nothing crashes: this runs under address and undefined-behaviour sanitizers.
#include <cctype>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "admission/admission.h"
#include "base/json_reader.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

const ClusterState kNew{.version = {1, 34}};

/// Why `body` is refused; empty if it is answered.
std::string refusal(std::string_view body) {
  const auto reviewed = review(body, small_sandbox(), kNew);
  if (reviewed) {
    CHECK(Json::accept(reviewed->wire));
    return "";
  }
  CHECK(reviewed.error().message.find("canary") == std::string::npos);
  CHECK_FALSE(reviewed.error().message.empty());
  return reviewed.error().message;
}

/// A review with every field that is read.
Json full_review() {
  Json pod = plain_pod();
  pod["metadata"] = {{"name", "canary"},
                     {"generateName", "canary-"},
                     {"labels", {{"code-executor-webhook/mode", "sandbox"}}},
                     {"annotations",
                      {{"checksum/seccomp", "canary"},
                       {"code-executor-webhook/nsjail-seccomp.json", "canary"},
                       {"container.apparmor.security.beta.kubernetes.io/code-executor", "canary"},
                       {"kubernetes.io/config.mirror", "canary"}}}};
  Json& spec = pod["spec"];
  spec["os"] = {{"name", "linux"}};
  for (const char* flag : {"hostUsers", "hostNetwork", "hostPID", "hostIPC"}) spec[flag] = false;
  const Json canary_path = {{"path", "/canary"}};
  spec["volumes"] = {small_sandbox().profile_volume.fragment.value,
                     small_sandbox().host_volume.fragment.value,
                     {{"name", "canary"}, {"hostPath", canary_path}}};
  spec["securityContext"] = {{"runAsUser", 1}, {"runAsGroup", 1}, {"fsGroup", 1}};
  spec["securityContext"]["supplementalGroups"] = Json::array({1});
  const Json mounts = Json::array({{{"name", "canary"}}});
  spec["containers"][0]["volumeDevices"] = Json::array();
  spec["containers"][0]["securityContext"] = small_sandbox().context.whole.value;
  spec["containers"][0]["securityContext"]["runAsUser"] = 1;
  spec["containers"][0]["volumeMounts"] = mounts;
  spec["containers"][0]["env"] = {{{"name", "CONTAINER_UNPRIVILEGED_MODE"}, {"value", "canary"}}};
  Json debugger = {{"name", "canary"}, {"volumeDevices", Json::array()}};
  spec["ephemeralContainers"] = Json::array({debugger});
  spec["initContainers"] = Json::array({small_sandbox().installer.whole.value, debugger});
  Json review = to_review(pod);
  review["request"]["name"] = "canary";
  review["request"]["subResource"] = "";
  return review;
}

/// "/request/object/spec/volumes/0" as messages write it: "request.object.spec.volumes[0]".
std::string to_place(const Pointer& pointer) {
  if (pointer.empty()) return "body";
  const std::string parent =
      pointer.parent_pointer().empty() ? "" : to_place(pointer.parent_pointer());
  const std::string& token = pointer.back();
  if (std::isdigit(static_cast<unsigned char>(token[0])) != 0) return parent + '[' + token + ']';
  return parent.empty() ? token : parent + '.' + token;
}

struct Field {
  const char* pointer;
  const char* type;
};

constexpr Field kRead[] = {
    {"", "an object"},
    {"/apiVersion", "a string"},
    {"/kind", "a string"},
    {"/request", "an object"},
    {"/request/uid", "a string"},
    {"/request/namespace", "a string"},
    {"/request/name", "a string"},
    {"/request/dryRun", "a boolean"},
    {"/request/operation", "a string"},
    {"/request/subResource", "a string"},
    {"/request/kind", "an object"},
    {"/request/kind/group", "a string"},
    {"/request/kind/version", "a string"},
    {"/request/kind/kind", "a string"},
    {"/request/object", "an object"},
    {"/request/object/metadata", "an object"},
    {"/request/object/metadata/name", "a string"},
    {"/request/object/metadata/generateName", "a string"},
    {"/request/object/metadata/labels", "an object"},
    {"/request/object/metadata/labels/code-executor-webhook~1mode", "a string"},
    {"/request/object/metadata/annotations", "an object"},
    {"/request/object/metadata/annotations/checksum~1seccomp", "a string"},
    {"/request/object/metadata/annotations/code-executor-webhook~1nsjail-seccomp.json", "a string"},
    {"/request/object/metadata/annotations/"
     "container.apparmor.security.beta.kubernetes.io~1code-executor",
     "a string"},
    {"/request/object/metadata/annotations/kubernetes.io~1config.mirror", "a string"},
    {"/request/object/spec", "an object"},
    {"/request/object/spec/os", "an object"},
    {"/request/object/spec/os/name", "a string"},
    {"/request/object/spec/hostUsers", "a boolean"},
    {"/request/object/spec/hostNetwork", "a boolean"},
    {"/request/object/spec/hostPID", "a boolean"},
    {"/request/object/spec/hostIPC", "a boolean"},
    {"/request/object/spec/volumes", "a list"},
    {"/request/object/spec/volumes/1", "an object"},
    {"/request/object/spec/volumes/1/name", "a string"},
    {"/request/object/spec/volumes/2/hostPath", "an object"},
    {"/request/object/spec/volumes/2/hostPath/path", "a string"},
    {"/request/object/spec/securityContext", "an object"},
    {"/request/object/spec/securityContext/runAsUser", "an integer"},
    {"/request/object/spec/securityContext/fsGroup", "an integer"},
    {"/request/object/spec/securityContext/supplementalGroups", "a list"},
    {"/request/object/spec/initContainers", "a list"},
    {"/request/object/spec/initContainers/0", "an object"},
    {"/request/object/spec/initContainers/0/name", "a string"},
    {"/request/object/spec/initContainers/1/volumeDevices", "a list"},
    {"/request/object/spec/containers", "a list"},
    {"/request/object/spec/containers/0", "an object"},
    {"/request/object/spec/containers/0/name", "a string"},
    {"/request/object/spec/containers/0/volumeDevices", "a list"},
    {"/request/object/spec/containers/0/volumeMounts", "a list"},
    {"/request/object/spec/containers/0/volumeMounts/0", "an object"},
    {"/request/object/spec/containers/0/volumeMounts/0/name", "a string"},
    {"/request/object/spec/containers/0/securityContext/runAsUser", "an integer"},
    {"/request/object/spec/containers/0/env", "a list"},
    {"/request/object/spec/containers/0/env/0", "an object"},
    {"/request/object/spec/containers/0/env/0/name", "a string"},
    {"/request/object/spec/containers/0/env/0/value", "a string"},
    {"/request/object/spec/containers/0/securityContext", "an object"},
    {"/request/object/spec/ephemeralContainers", "a list"},
    {"/request/object/spec/ephemeralContainers/0", "an object"},
    {"/request/object/spec/ephemeralContainers/0/name", "a string"},
    {"/request/object/spec/ephemeralContainers/0/volumeDevices", "a list"},
};

TEST_CASE("the full review is answered: what is refused below is refused for its one fault") {
  CHECK(refusal(full_review().dump()) == "");
}

TEST_CASE("each other type in the place of each field is refused by place and type") {
  struct Value {
    std::string type;
    Json json;
  };
  const std::vector<Value> values = {{"a string", "canary"}, {"a number", 1},
                                     {"a number", 1.5},      {"a boolean", true},
                                     {"a list", {"canary"}}, {"an object", {{"canary", 1}}}};
  for (const Field& field : kRead) {
    CAPTURE(field.pointer);
    for (const Value& value : values) {
      const bool wants_number = std::string_view(field.type) == "an integer";
      if (value.type == field.type || (wants_number && value.type == "a number")) continue;
      CAPTURE(value.type);
      Json review = full_review();
      review.at(Pointer(field.pointer)) = value.json;
      CHECK(refusal(review.dump()) == to_place(Pointer(field.pointer)) + ": is " + value.type +
                                          " (expected " + field.type + ')');
    }
  }
}

TEST_CASE("null in the place of a member is as if it were absent, and of an element refused") {
  for (const Field& field : kRead) {
    CAPTURE(field.pointer);
    const Pointer pointer(field.pointer);
    Json with_null = full_review();
    with_null.at(pointer) = nullptr;
    const std::string refused = refusal(with_null.dump());
    if (pointer.empty() || to_place(pointer).back() == ']') {
      CHECK(refused == to_place(pointer) + ": is null (expected an object)");
      continue;
    }
    Json without = full_review();
    without.at(pointer.parent_pointer()).erase(pointer.back());
    CHECK(refused == refusal(without.dump()));
  }
}

TEST_CASE("each field that is there twice is refused by its place") {
  for (const Field& field : kRead) {
    const Pointer pointer(field.pointer);
    const std::string place = to_place(pointer);
    if (pointer.empty() || place.back() == ']') continue;
    CAPTURE(place);
    for (const Json& second : {full_review().at(pointer), Json()}) {
      Json review = full_review();
      // Sorted right behind the first, then given its name.
      review.at(pointer.parent_pointer())[pointer.back() + "!"] = second;
      std::string body = review.dump();
      const std::string marked = Json(pointer.back() + "!").dump();
      body.replace(body.find(marked), marked.size(), Json(pointer.back()).dump());
      CHECK(refusal(body) == place + ": is there twice (expected once)");
    }
  }
}

TEST_CASE("what is compared with ours and has a member twice is refused") {
  struct Row {
    const char* member;
    const char* place;
  };
  for (const Row& row : {
           Row{R"("configMap":{"name":"canary"},)", "request.object.spec.volumes[0]"},
           Row{R"("hostPath":null,)", "request.object.spec.volumes[1]"},
           Row{R"("command":[],)", "request.object.spec.initContainers[0]"},
           Row{R"("readOnlyRootFilesystem":true,)",
               "request.object.spec.initContainers[0].securityContext"},
       }) {
    CAPTURE(row.place);
    std::string body = full_review().dump();
    const std::string_view member = row.member;
    body.insert(body.find(member.substr(0, member.find(':') + 1)), member);
    CHECK(refusal(body) == std::string(row.place) + ": has a member twice (expected each once)");
  }
}

TEST_CASE("a securityContext with a member twice is refused without repeating its name") {
  for (const char* before : {R"("procMount")", R"("localhostProfile":"profiles)"}) {
    std::string body = full_review().dump();
    body.insert(body.find(before, body.find(R"("containers":)")),
                R"("canary\n":1,"canary\n":null,)");
    CHECK(refusal(body).starts_with("request.object.spec.containers[0].securityContext"));
    CHECK(refusal(body).ends_with(": has a member twice (expected each once)"));
  }
}

TEST_CASE("nesting of 100,000 levels is refused wherever it stands, closed or not") {
  constexpr std::size_t kLevels = 100'000;
  const std::string lists = std::string(kLevels, '[') + std::string(kLevels, ']');
  std::string objects;
  for (std::size_t i = 0; i < kLevels; ++i) objects += R"({"a":)";
  objects += '1' + std::string(kLevels, '}');
  for (const std::string& deep : {lists, objects}) {
    CHECK(refusal(deep) == "body: nested deeper than 128 levels");
    CHECK(refusal(deep.substr(0, deep.size() / 2)).starts_with("body: "));
    for (const char* pointer : {"/request/object/metadata", "/request/object/spec/containers/0/env",
                                "/request/oldObject", "/request/object/spec/unknown"}) {
      CAPTURE(pointer);
      Json review = full_review();
      review[Pointer(pointer)] = "@deep@";
      std::string body = review.dump();
      body.replace(body.find("\"@deep@\""), 8, deep);
      CHECK(refusal(body) == "body: nested deeper than 128 levels");
    }
  }
}

TEST_CASE("a review cut off after any byte is refused") {
  const std::string body = full_review().dump();
  for (std::size_t length = 0; length < body.size(); ++length) {
    CAPTURE(length);
    CHECK(refusal(std::string_view(body).substr(0, length)).starts_with("body: not JSON: "));
  }
}

TEST_CASE("a NUL, or a byte that is not UTF-8, is refused in the place of any byte") {
  std::string body = full_review().dump();
  for (char& c : body) {
    const char original = c;
    for (const char foreign : {'\0', '\xff', '\xc0', '\x80'}) {
      c = foreign;
      CHECK(refusal(body).starts_with("body: not JSON: "));
    }
    c = original;
  }
}

TEST_CASE("a number too big for any reader is refused wherever it stands") {
  for (const std::string& number :
       {std::string("1e400"), std::string("-1e400"), std::string("18446744073709551616"),
        std::string(1000, '9'), '-' + std::string(100, '9'), "1e" + std::string(50, '9')}) {
    CAPTURE(number);
    for (const char* pointer : {"/request/uid", "/request/object/spec/priority",
                                "/request/object/spec/containers/0/securityContext/runAsUser"}) {
      Json review = full_review();
      review[Pointer(pointer)] = "@number@";
      std::string body = review.dump();
      body.replace(body.find("\"@number@\""), 10, number);
      CHECK(refusal(body).starts_with("body: not JSON: "));
    }
  }
}

}  // namespace
}  // namespace webhook
