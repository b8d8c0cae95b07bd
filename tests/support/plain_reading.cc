#include "support/plain_reading.h"

#include <regex>

namespace webhook::plainly {

Json at(const Json& object, std::string_view key) {
  return object.is_object() ? object.value(std::string(key), Json()) : Json();
}

std::string text_at(const Json& object, std::string_view key) {
  const Json value = at(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

bool is_true(const Json& value) { return value == true; }

Json without_nulls(Json value) {
  if (value.is_array()) {
    for (Json& element : value) element = without_nulls(element);
  }
  if (!value.is_object()) return value;
  for (auto member = value.begin(); member != value.end();) {
    if (member->is_null()) {
      member = value.erase(member);
    } else {
      *member = without_nulls(*member);
      ++member;
    }
  }
  return value;
}

bool is_same(const Json& left, const Json& right) { return left.dump() == right.dump(); }

void erase_if_equal(Json& object, const char* key, const Json& value) {
  if (object.is_object() && is_same(at(object, key), value)) object.erase(key);
}

namespace {

/// Takes the members out of `context` that are kept; true if there were any.
bool take_kept(Json& context) {
  const std::size_t before = context.size();
  for (const char* flag : {"readOnlyRootFilesystem", "runAsNonRoot"}) {
    if (at(context, flag).is_boolean()) context.erase(flag);
  }
  for (const char* id : {"runAsUser", "runAsGroup"}) {
    if (at(context, id).is_number_integer()) context.erase(id);
  }
  Json options = at(context, "seLinuxOptions");
  if (options.is_object()) {
    options.erase("level");
    if (options.empty()) context.erase("seLinuxOptions");
  }
  return context.size() < before;
}

/// `context`, which can be of another digest, configuration or release, as it would be now.
bool is_ours(Json context, const Sandbox& sandbox) {
  static const std::regex kPath("profiles/nsjail-seccomp(-[0-9a-f]{64})?\\.json");
  const std::string path = text_at(at(context, "seccompProfile"), "localhostProfile");
  const std::string now = sandbox.seccomp.at("localhostProfile");
  if (!std::regex_match(path, kPath) && path != now) return false;
  context["seccompProfile"]["localhostProfile"] = now;
  const Json app_armor = at(context, "appArmorProfile");
  context.erase("appArmorProfile");
  const std::string type = text_at(app_armor, "type");
  const bool is_local = type == "Localhost" && app_armor.size() == 2 &&
                        !text_at(app_armor, "localhostProfile").empty();
  const bool is_word = (type == "Unconfined" || type == "RuntimeDefault") && app_armor.size() == 1;
  return (app_armor.is_null() || is_local || is_word) &&
         is_same(context, sandbox.context_no_apparmor.whole.value);
}

}  // namespace

TargetContext classify(Json context, const Sandbox& sandbox, bool has_legacy_app_armor) {
  TargetContext facts;
  context = context.is_object() ? without_nulls(context) : Json::object();
  if (context.empty()) return facts;
  const Json seccomp = at(context, "seccompProfile");
  facts.is_privileged = is_true(at(context, "privileged"));
  facts.unmasks_proc = at(context, "procMount") == "Unmasked";
  facts.forbids_escalation = at(context, "allowPrivilegeEscalation") == false;
  facts.has_localhost_profile = text_at(seccomp, "type") == "Localhost";
  facts.has_current_profile = is_same(seccomp, sandbox.seccomp);
  facts.keeps_members = take_kept(context);
  facts.kind = is_same(context, {{"privileged", true}}) ? ContextKind::kChartDefault
               : is_ours(context, sandbox)              ? ContextKind::kOurs
                                                        : ContextKind::kExplicit;
  if (facts.kind != ContextKind::kOurs) return facts;
  const Json have = at(context, "appArmorProfile");
  if (is_same(have, sandbox.app_armor) || (have.is_null() && has_legacy_app_armor)) return facts;
  facts.app_armor = sandbox.app_armor.is_null() || has_legacy_app_armor ? AppArmorEdit::kRemove
                                                                        : AppArmorEdit::kSet;
  return facts;
}

}  // namespace webhook::plainly
