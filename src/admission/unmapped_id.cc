#include "admission/unmapped_id.h"

#include "base/json_reader.h"

namespace webhook {
namespace {

bool is_unmapped(const JsonValue& id, std::int64_t ids) {
  const auto number = id.integer();
  return number && (*number < 0 || *number >= ids);
}

}  // namespace

bool has_unmapped_id(const JsonValue& context, std::int64_t ids) {
  bool found = false;
  for (const std::string_view id : kIdMembers) {
    found = is_unmapped(context.field(id), ids) || found;
  }
  const JsonValue groups = context.field(kIdsMember);
  groups.for_each(
      [&](const JsonValue& group, std::size_t) { found = is_unmapped(group, ids) || found; });
  return found;
}

}  // namespace webhook
