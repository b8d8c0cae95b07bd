#include "base/json_at.h"

#include <nlohmann/json.hpp>

namespace webhook {

std::string string_at(const nlohmann::ordered_json& object, const char* pointer) {
  const nlohmann::ordered_json::json_pointer at(pointer);
  return object.contains(at) && object.at(at).is_string() ? object.at(at).get<std::string>()
                                                          : std::string();
}

}  // namespace webhook
