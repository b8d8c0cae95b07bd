#include "base/json_reader.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include <simdjson.h>
#include <nlohmann/json.hpp>

namespace webhook {
namespace {

using Json = nlohmann::json;
namespace dom = simdjson::dom;

const char* type_name(const dom::element& element) {
  switch (element.type()) {
    case dom::element_type::ARRAY: return "a list";
    case dom::element_type::OBJECT: return "an object";
    case dom::element_type::STRING: return "a string";
    case dom::element_type::BOOL: return "a boolean";
    case dom::element_type::NULL_VALUE: return "null";
    default: return "a number";
  }
}

std::string to_message(simdjson::error_code code) {
  if (code == simdjson::DEPTH_ERROR) {
    return "body: nested deeper than " + std::to_string(kMaxJsonDepth) + " levels";
  }
  // The library's own words never quote the body.
  return std::string("body: not JSON: ") + simdjson::error_message(code);
}

}  // namespace

class JsonValue::Dom {
 public:
  static Element hide(dom::element element) { return std::bit_cast<Element>(element); }

  /// Of a value that is present.
  static dom::element of(const JsonValue& value) {
    return std::bit_cast<dom::element>(value.element_);
  }

  /// None if `value` is absent or, which is then refused, no object.
  static std::optional<dom::object> object_of(const JsonValue& value) {
    if (!value.is_present()) return std::nullopt;
    dom::object object;
    if (of(value).get(object) == simdjson::SUCCESS) return object;
    value.refuse_type("an object");
    return std::nullopt;
  }

  static std::optional<dom::array> list_of(const JsonValue& value) {
    if (!value.is_present()) return std::nullopt;
    dom::array array;
    if (of(value).get(array) == simdjson::SUCCESS) return array;
    value.refuse_type("a list");
    return std::nullopt;
  }

  /// The string that is the one member "name" of an object; none where that is something else.
  static std::optional<std::string_view> name_of(dom::element element) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return std::nullopt;
    std::optional<std::string_view> name;
    const auto end = object.end();
    for (auto each = object.begin(); each != end; ++each) {
      if (!each.key_equals("name")) continue;
      std::string_view text;
      if (name || each.value().get(text) != simdjson::SUCCESS) return std::nullopt;
      name = text;
    }
    return name;
  }
};

JsonValue JsonValue::field(std::string_view key) const& {
  JsonValue member(this, key, 0, {}, *error_);
  const auto fields = Dom::object_of(*this);
  if (!fields) return member;
  const auto end = fields->end();
  for (auto each = fields->begin(); each != end; ++each) {
    if (!each.key_equals(key)) continue;
    // Readers disagree on which one counts, so that what we checked may not be what runs.
    if (member.is_present()) member.refuse("is there twice (expected once)");
    member.element_ = Dom::hide(each.value());
  }
  if (member.is_present() && Dom::of(member).is_null()) member.element_ = {};
  return member;
}

JsonValue JsonValue::last_named(std::string_view name) const& {
  JsonValue last(this, {}, 0, {}, *error_);
  const auto elements = Dom::list_of(*this);
  if (!elements) return last;
  std::size_t index = 0;
  for (const dom::element element : *elements) {
    const auto own = Dom::name_of(element);
    if (own == name) last = {this, {}, index, Dom::hide(element), *error_};
    if (!own) {
      const JsonValue odd(this, {}, index, Dom::hide(element), *error_);
      (void)odd.field("name").string();  // says what is wrong, if anything is
    }
    ++index;
  }
  return last;
}

std::string_view JsonValue::string() const {
  if (!is_present()) return {};
  std::string_view text;
  if (Dom::of(*this).get(text) == simdjson::SUCCESS) return text;
  refuse_type("a string");
  return {};
}

std::optional<bool> JsonValue::boolean() const {
  if (!is_present()) return std::nullopt;
  if (const dom::element element = Dom::of(*this); element.is_bool()) return bool(element);
  refuse_type("a boolean");
  return std::nullopt;
}

std::optional<std::int64_t> JsonValue::integer() const {
  if (!is_present()) return std::nullopt;
  const dom::element element = Dom::of(*this);
  if (element.is_int64()) return std::int64_t(element);
  if (element.is_number()) {
    refuse("is not a whole number of 64 bits (expected an integer)");
  } else {
    refuse_type("an integer");
  }
  return std::nullopt;
}

bool JsonValue::has_members() const {
  const auto fields = Dom::object_of(*this);
  if (!fields) return false;
  bool any = false;
  std::vector<std::string_view> names;
  for (const auto& [name, value] : *fields) {
    any = !value.is_null() || any;
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) {
    // The name is the sender's text: it stays out of the message.
    refuse("has a member twice (expected each once)");
  }
  return any;
}

std::size_t JsonValue::size() const {
  const auto elements = Dom::list_of(*this);
  return elements ? elements->size() : 0;
}

bool JsonValue::matches(const Json& want) const {
  if (!is_present()) return false;
  const dom::element element = Dom::of(*this);
  switch (want.type()) {
    case Json::value_t::object: return element.is_object() && matches_object(want);
    case Json::value_t::array: return element.is_array() && matches_list(want);
    case Json::value_t::string:
      return element.is_string() && string() == want.get_ref<const std::string&>();
    case Json::value_t::boolean: return element.is_bool() && boolean() == want.get<bool>();
    default: return element.is_int64() && std::int64_t(element) == want.get<std::int64_t>();
  }
}

bool JsonValue::matches_object(const Json& want) const {
  (void)has_members();  // refuses a member that is there twice
  bool same = true;
  for (const auto& [key, wanted] : want.items()) {
    const JsonValue member = field(key);
    same = member.matches(wanted) && same;
  }
  std::size_t members = 0;
  for (const auto& [key, value] : dom::object(Dom::of(*this))) {
    members += value.is_null() ? 0U : 1U;
  }
  return same && members == want.size();
}

bool JsonValue::matches_list(const Json& want) const {
  bool same = size() == want.size();
  for_each([&](const JsonValue& element, std::size_t index) {
    same = same && element.matches(want[index]);
  });
  return same;
}

void JsonValue::call_for_each(void (*call)(void*, const JsonValue&, std::size_t), void* to) const {
  const auto elements = Dom::list_of(*this);
  if (!elements) return;
  std::size_t index = 0;
  for (const dom::element element : *elements) {
    call(to, JsonValue(this, {}, index, Dom::hide(element), *error_), index);
    ++index;
  }
}

void JsonValue::call_for_each_member(void (*call)(void*, std::string_view, const JsonValue&),
                                     void* to) const {
  if (!has_members()) return;
  for (const auto& [key, member] : dom::object(Dom::of(*this))) {
    if (!member.is_null()) call(to, key, JsonValue(this, key, 0, Dom::hide(member), *error_));
  }
}

bool JsonValue::is_between(const Json& least, const Json& most) const {
  if (!is_present()) return false;
  const dom::element element = Dom::of(*this);
  if (most.is_object() && element.is_object()) {
    std::size_t needed = 0;
    bool same = true;
    for_each_member([&](std::string_view key, const JsonValue& member) {
      const auto upper = most.find(key);
      const auto lower = least.find(key);
      needed += lower == least.end() ? 0U : 1U;
      same = same && upper != most.end() &&
             member.is_between(lower == least.end() ? *upper : *lower, *upper);
    });
    return same && needed == least.size();
  }
  if (!most.is_array() || !element.is_array()) return matches(most);
  bool same = size() == most.size();
  for_each([&](const JsonValue& each, std::size_t index) {
    same = same && each.is_between(least[index], most[index]);
  });
  return same;
}

void JsonValue::refuse(std::string_view what) const {
  if (!*error_) *error_ = Error{place() + ": " + std::string(what)};
}

std::string JsonValue::place() const {
  if (parent_ == nullptr) return "body";
  const std::string parent = parent_->parent_ == nullptr ? std::string() : parent_->place();
  if (key_.empty()) return parent + '[' + std::to_string(index_) + ']';
  return parent.empty() ? std::string(key_) : parent + '.' + std::string(key_);
}

void JsonValue::refuse_type(std::string_view expected) const {
  refuse(std::string("is ") + type_name(Dom::of(*this)) + " (expected " + std::string(expected) +
         ')');
}

JsonDocument::JsonDocument(JsonParser& parser, std::string_view body) {
  // RFC 8259 forbids to send a byte order mark, and Go refuses it; simdjson 3.12 would skip it.
  if (body.starts_with("\xef\xbb\xbf")) {
    error_ = Error{"body: not JSON: begins with a byte order mark"};
    return;
  }
  dom::parser& dom = *parser.parser_;
  auto code = dom.max_depth() == kMaxJsonDepth ? simdjson::SUCCESS : dom.allocate(0, kMaxJsonDepth);
  dom::element root;
  if (code == simdjson::SUCCESS) code = dom.parse(body.data(), body.size()).get(root);
  if (code != simdjson::SUCCESS) {
    error_ = Error{to_message(code)};
    return;
  }
  root_ = JsonValue::Dom::hide(root);
}

}  // namespace webhook
