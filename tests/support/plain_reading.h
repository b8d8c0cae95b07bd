#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "admission/target_context.h"

namespace webhook::plainly {

// How the oracle reads a document in memory: the obvious way, with copies.

using Json = nlohmann::json;

/// Member `key`, or null.
Json at(const Json& object, std::string_view key);
/// The string at `key`, or an empty one.
std::string text_at(const Json& object, std::string_view key);
bool is_true(const Json& value);
/// `value` without members that are null, at any depth.
Json without_nulls(Json value);
/// Equal as JSON: nlohmann takes 0 and 0.0 for equal, JSON does not.
bool is_same(const Json& left, const Json& right);
void erase_if_equal(Json& object, const char* key, const Json& value);

/// What read_target_context should read.
TargetContext classify(Json context, const Sandbox& sandbox, bool has_legacy_app_armor);

}  // namespace webhook::plainly
