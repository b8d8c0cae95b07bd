#include "base/json_patch.h"

#include "base/base64.h"

namespace webhook {
namespace {

/// Holds a sandbox's patch, and its base64: it does not grow piece by piece.
constexpr std::size_t kUsualSize = std::size_t{8} << 10U;

}  // namespace

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

void JsonPatch::replace(std::string_view pointer, std::string_view value) {
  begin("replace", pointer);
  append(",\"value\":");
  append(value);
  append("}");
}

void JsonPatch::remove(std::string_view pointer) {
  begin("remove", pointer);
  append("}");
}

void JsonPatch::move(std::string_view from, std::string_view pointer) {
  begin("move", pointer);
  append(",\"from\":\"");
  append(from);
  append("\"}");
}

std::string JsonPatch::to_json() const { return json_.empty() ? "[]" : json_ + ']'; }

void JsonPatch::append_base64(std::string& to) const {
  if (json_.empty()) return webhook::append_base64(to, "[]");
  to += base64_;
  webhook::append_base64(to, json_.substr(encoded_) + ']');
}

void JsonPatch::begin(std::string_view operation, std::string_view pointer) {
  if (json_.empty()) {
    json_.reserve(kUsualSize);
    base64_.reserve(kUsualSize);
  }
  // Pointers are made of our own names and of list indexes: nothing in them needs JSON escapes.
  json_.append(json_.empty() ? "[" : ",").append(R"({"op":")").append(operation);
  json_.append(R"(","path":")").append(pointer).append("\"");
}

void JsonPatch::append(const PreparedJson& value) {
  fill_up_last_group(json_);
  webhook::append_base64(base64_, std::string_view(json_).substr(encoded_));
  base64_ += value.base64;
  json_ += value.text;
  fill_up_last_group(json_);
  encoded_ = json_.size();
}

}  // namespace webhook
