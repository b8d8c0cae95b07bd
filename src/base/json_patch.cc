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
  begin("add", pointer);
  operations_.append(R"(,"value":)").append(value).append("}");
}

void JsonPatch::replace(std::string_view pointer, std::string_view value) {
  begin("replace", pointer);
  operations_.append(R"(,"value":)").append(value).append("}");
}

void JsonPatch::remove(std::string_view pointer) {
  begin("remove", pointer);
  operations_ += '}';
}

void JsonPatch::move(std::string_view from, std::string_view pointer) {
  begin("move", pointer);
  operations_.append(R"(,"from":")").append(from).append("\"}");
}

std::string JsonPatch::to_json() const { return '[' + operations_ + ']'; }

void JsonPatch::begin(std::string_view operation, std::string_view pointer) {
  if (!operations_.empty()) operations_ += ',';
  // Pointers are made of our own names and of list indexes: nothing in them needs JSON escapes.
  operations_.append(R"({"op":")").append(operation);
  operations_.append(R"(","path":")").append(pointer).append("\"");
}

}  // namespace webhook
