#include "cel/match.h"

#include <cstddef>

#include "cel/literal.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

std::string to_keys(const Json& object) {
  Json keys = Json::array();
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return to_cel(keys);
}

std::string between_objects(const std::string& path, const Json& least, const Json& most) {
  std::string cel = path + ".all(key, key in " + to_keys(most) + ')';
  for (const auto& [key, upper] : most.items()) {
    const std::string name = to_cel_string(key);
    const auto lower = least.find(key);
    const bool is_needed = lower != least.end();
    std::string member = path;
    member.append("[").append(name).append("]");
    const std::string same = to_cel_between(member, is_needed ? *lower : upper, upper);
    cel.append(is_needed ? " && " : " && (!(").append(name).append(" in ").append(path);
    cel.append(is_needed ? " && " : ") || ").append(same).append(is_needed ? "" : ")");
  }
  return cel;
}

}  // namespace

std::string to_cel_matches(const std::string& path, const Json& want) {
  return path + " == " + to_cel(want);
}

std::string to_cel_between(const std::string& path, const Json& least, const Json& most) {
  if (most.is_object()) return between_objects(path, least, most);
  if (!most.is_array()) return to_cel_matches(path, most);
  std::string cel = path + ".size() == " + std::to_string(most.size());
  for (std::size_t i = 0; i < most.size(); ++i) {
    cel += " && " + to_cel_between(path + '[' + std::to_string(i) + ']', least[i], most[i]);
  }
  return cel;
}

}  // namespace webhook
