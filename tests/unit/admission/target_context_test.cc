#include "admission/target_context.h"

#include <string>

#include <doctest/doctest.h>

#include "base/json_reader.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

TargetContext read(const Json& context, bool has_legacy_app_armor = false) {
  const std::string text = Json{{"securityContext", context}}.dump();
  JsonParser parser;
  JsonDocument document(parser, text);
  const JsonValue container = document.root();
  const TargetContext read = read_target_context(container.field("securityContext"),
                                                 small_sandbox(), has_legacy_app_armor);
  REQUIRE_FALSE(document.error());
  return read;
}

/// Our context with `value` at `pointer`.
Json ours_with(const char* pointer, const Json& value) {
  Json context = small_sandbox().context.whole.value;
  context[Json::json_pointer(pointer)] = value;
  return context;
}

TEST_CASE("the target's context is absent, ours, the chart's default or explicit") {
  using enum ContextKind;
  const std::string other = "profiles/nsjail-seccomp-" + std::string(64, '0') + ".json";
  const Json with_path = {{"type", "Localhost"}, {"localhostProfile", other}};
  struct Row {
    Json context;
    ContextKind want;
  };
  for (const Row& row : {
           Row{nullptr, kAbsent},
           Row{Json::object(), kAbsent},
           Row{{{"privileged", nullptr}}, kAbsent},
           Row{{{"privileged", true}}, kChartDefault},
           Row{{{"privileged", true}, {"runAsUser", nullptr}}, kChartDefault},
           Row{{{"privileged", true}, {"runAsUser", 0}}, kChartDefault},
           Row{{{"privileged", true}, {"runAsGroup", 0}, {"runAsNonRoot", false}}, kChartDefault},
           Row{{{"privileged", true}, {"readOnlyRootFilesystem", true}}, kChartDefault},
           Row{{{"privileged", true}, {"seLinuxOptions", {{"level", "s0:c1"}}}}, kChartDefault},
           Row{{{"privileged", true}, {"seLinuxOptions", {{"type", "spc_t"}}}}, kExplicit},
           Row{{{"privileged", true}, {"capabilities", {{"add", {"SYS_ADMIN"}}}}}, kExplicit},
           Row{{{"privileged", true}, {"allowPrivilegeEscalation", true}}, kExplicit},
           Row{{{"privileged", true}, {"appArmorProfile", {{"type", "Unconfined"}}}}, kExplicit},
           Row{{{"privileged", true}, {"newField", 1}}, kExplicit},
           Row{{{"privileged", false}}, kExplicit},
           Row{{{"privileged", "true"}}, kExplicit},
           Row{{{"runAsUser", 1000}}, kExplicit},
           Row{{{"capabilities", Json::object()}}, kExplicit},
           Row{{{"unknownField", false}}, kExplicit},
           Row{small_sandbox().context.whole.value, kOurs},
           Row{small_sandbox().context_no_apparmor.whole.value, kOurs},
           Row{ours_with("/runAsUser", 0), kOurs},
           Row{ours_with("/seLinuxOptions", {{"level", "s0"}}), kOurs},
           Row{ours_with("/seccompProfile", with_path), kOurs},
           Row{ours_with("/seccompProfile/localhostProfile", "profiles/nsjail-seccomp.json"),
               kOurs},
           Row{ours_with("/seccompProfile/localhostProfile", "retool-executor.json"), kExplicit},
           Row{ours_with("/seccompProfile/type", "Unconfined"), kExplicit},
           Row{ours_with("/seccompProfile/more", 1), kExplicit},
           Row{ours_with("/appArmorProfile", {{"type", "RuntimeDefault"}}), kOurs},
           Row{ours_with("/appArmorProfile", {{"type", "Localhost"}, {"localhostProfile", "x"}}),
               kOurs},
           Row{ours_with("/appArmorProfile", {{"type", "Localhost"}}), kExplicit},
           Row{ours_with("/appArmorProfile", {{"type", "Other"}}), kExplicit},
           Row{ours_with("/privileged", false), kExplicit},
           Row{ours_with("/privileged", true), kExplicit},
           Row{ours_with("/procMount", "Default"), kExplicit},
           Row{ours_with("/procMount", nullptr), kExplicit},
           Row{ours_with("/allowPrivilegeEscalation", true), kExplicit},
           Row{ours_with("/capabilities/add", {"NET_ADMIN", "SYS_ADMIN"}), kExplicit},
           Row{ours_with("/capabilities/drop", {"ALL"}), kExplicit},
           Row{ours_with("/newField", 1), kExplicit},
       }) {
    CAPTURE(row.context);
    CHECK((read(row.context).kind == row.want));
  }
}

TEST_CASE("what a context says is read whatever it is") {
  const TargetContext own = read({{"procMount", "Unmasked"},
                                  {"allowPrivilegeEscalation", false},
                                  {"seccompProfile", {{"type", "Localhost"}}}});
  CHECK((own.kind == ContextKind::kExplicit));
  CHECK(own.unmasks_proc);
  CHECK(own.forbids_escalation);
  CHECK(own.has_localhost_profile);
  CHECK_FALSE(own.is_privileged);
  const TargetContext privileged = read({{"privileged", true}, {"capabilities", Json::object()}});
  CHECK(privileged.is_privileged);
  CHECK_FALSE(privileged.unmasks_proc);
  CHECK_FALSE(privileged.keeps_members);
  CHECK(read({{"privileged", true}, {"runAsUser", 1}}).keeps_members);
}

TEST_CASE("a context of ours is current if it is as it would be injected now") {
  using enum AppArmorEdit;
  struct Row {
    Json context;
    bool has_legacy;
    bool is_current;
    AppArmorEdit app_armor;
  };
  const Json& with = small_sandbox().context.whole.value;
  const Json& without = small_sandbox().context_no_apparmor.whole.value;
  for (const Row& row : {
           Row{with, false, true, kNone},
           // The API server writes the annotation from the field (KEP-24), so that a pod that is
           // read back has both.
           Row{with, true, true, kNone},
           Row{without, true, true, kNone},
           Row{without, false, false, kSet},
           Row{ours_with("/appArmorProfile/type", "RuntimeDefault"), false, false, kSet},
           Row{ours_with("/appArmorProfile/type", "RuntimeDefault"), true, false, kRemove},
           Row{ours_with("/seccompProfile/localhostProfile", "profiles/nsjail-seccomp.json"), false,
               false, kNone},
           Row{ours_with("/runAsUser", 0), false, true, kNone},
       }) {
    CAPTURE(row.context);
    const TargetContext context = read(row.context, row.has_legacy);
    CHECK(context.is_current() == row.is_current);
    CHECK((context.app_armor == row.app_armor));
  }
}

TEST_CASE("without an AppArmor profile in the configuration the field is taken out") {
  Policy policy = small_policy();
  policy.app_armor_profile = "";
  const Sandbox none = make_sandbox(policy);
  const std::string text = small_sandbox().context.whole.text;
  JsonParser parser;
  JsonDocument document(parser, text);
  CHECK((read_target_context(document.root(), none, false).app_armor == AppArmorEdit::kRemove));
}

}  // namespace
}  // namespace webhook
