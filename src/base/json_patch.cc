#include "base/json_patch.h"

namespace webhook {

std::string escape_pointer_token(std::string_view token) {
  std::string escaped;
  for (const char c : token) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

void JsonPatch::add(std::string_view pointer, std::string_view value) {
  if (!operations_.empty()) operations_ += ',';
  // Pointers are made of our own names and of list indexes: nothing in them needs JSON escapes.
  operations_.append(R"({"op":"add","path":")").append(pointer);
  operations_.append(R"(","value":)").append(value).append("}");
}

std::string JsonPatch::to_json() const { return '[' + operations_ + ']'; }

}  // namespace webhook
