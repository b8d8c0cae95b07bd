#include "base/json_reader.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

namespace webhook {
namespace {

using Json = nlohmann::json;
namespace dom = simdjson::dom;

/// Memory of a parser that is kept for the next body; reviews are a few KB, rarely more.
constexpr std::size_t kKeptCapacity = std::size_t{1} << 20U;

std::unique_ptr<dom::parser>& thread_parser() {
  thread_local std::unique_ptr<dom::parser> parser;
  return parser;
}

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

JsonValue::JsonValue(const JsonValue* parent, std::string_view key, std::size_t index,
                     std::optional<dom::element> element, std::optional<Error>& error)
    : parent_(parent), key_(key), index_(index), element_(element), error_(&error) {}

JsonValue JsonValue::field(std::string_view key) const& {
  std::optional<dom::element> found;
  JsonValue member(this, key, 0, std::nullopt, *error_);
  const auto fields = object();
  if (!fields) return member;
  for (const auto& [name, value] : *fields) {
    if (name != key) continue;
    // Readers disagree on which one counts, so that what we checked may not be what runs.
    if (found) member.refuse("is there twice (expected once)");
    found = value;
  }
  if (found && !found->is_null()) member.element_ = found;
  return member;
}

std::string_view JsonValue::string() const {
  if (!element_) return {};
  if (element_->is_string()) return *element_;
  refuse_type("a string");
  return {};
}

std::optional<bool> JsonValue::boolean() const {
  if (!element_) return std::nullopt;
  if (element_->is_bool()) return bool(*element_);
  refuse_type("a boolean");
  return std::nullopt;
}

bool JsonValue::has_members() const {
  const auto fields = object();
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
  const auto elements = list();
  return elements ? elements->size() : 0;
}

bool JsonValue::matches(const Json& want, Match how) const {
  if (!element_) return false;
  switch (want.type()) {
    case Json::value_t::object: return element_->is_object() && matches_object(want, how);
    case Json::value_t::array: return element_->is_array() && matches_list(want, how);
    case Json::value_t::string:
      return element_->is_string() && string() == want.get_ref<const std::string&>();
    case Json::value_t::boolean: return element_->is_bool() && boolean() == want.get<bool>();
    default: return element_->is_int64() && std::int64_t(*element_) == want.get<std::int64_t>();
  }
}

bool JsonValue::matches_object(const Json& want, Match how) const {
  if (how == Match::kExact) (void)has_members();  // refuses a member that is there twice
  bool same = true;
  for (const auto& [key, wanted] : want.items()) {
    const JsonValue member = field(key);
    same = member.matches(wanted, how) && same;
  }
  if (how == Match::kSubset) return same;
  std::size_t members = 0;
  for (const auto& [key, value] : dom::object(*element_)) members += value.is_null() ? 0U : 1U;
  return same && members == want.size();
}

/// A list of objects is a set by name or path, which others may add to; a list of scalars, such as
/// a command, is one value.
bool JsonValue::matches_list(const Json& want, Match how) const {
  if (how == Match::kSubset && !want.empty() && want.front().is_object()) {
    return std::all_of(want.begin(), want.end(), [&](const Json& wanted) {
      bool found = false;
      for_each([&](const JsonValue& element, std::size_t) {
        found = element.matches(wanted, how) || found;
      });
      return found;
    });
  }
  bool same = size() == want.size();
  for_each([&](const JsonValue& element, std::size_t index) {
    same = same && element.matches(want[index], how);
  });
  return same;
}

void JsonValue::refuse(std::string_view what) const {
  if (!*error_) *error_ = Error{place() + ": " + std::string(what)};
}

std::optional<dom::object> JsonValue::object() const {
  if (!element_) return std::nullopt;
  if (element_->is_object()) return dom::object(*element_);
  refuse_type("an object");
  return std::nullopt;
}

std::optional<dom::array> JsonValue::list() const {
  if (!element_) return std::nullopt;
  if (element_->is_array()) return dom::array(*element_);
  refuse_type("a list");
  return std::nullopt;
}

std::string JsonValue::place() const {
  if (parent_ == nullptr) return "body";
  const std::string parent = parent_->parent_ == nullptr ? std::string() : parent_->place();
  if (key_.empty()) return parent + '[' + std::to_string(index_) + ']';
  return parent.empty() ? std::string(key_) : parent + '.' + std::string(key_);
}

void JsonValue::refuse_type(std::string_view expected) const {
  refuse(std::string("is ") + type_name(*element_) + " (expected " + std::string(expected) + ')');
}

JsonDocument::JsonDocument(std::string_view body) {
  // RFC 8259 forbids to send a byte order mark, and Go refuses it; simdjson 3.12 would skip it.
  if (body.starts_with("\xef\xbb\xbf")) {
    error_ = Error{"body: not JSON: begins with a byte order mark"};
    return;
  }
  auto& parser = thread_parser();
  if (!parser) {
    parser = std::make_unique<dom::parser>();
    if (const auto code = parser->allocate(0, kMaxJsonDepth); code != simdjson::SUCCESS) {
      error_ = Error{to_message(code)};
      return;
    }
  }
  dom::element root;
  if (const auto code = parser->parse(body.data(), body.size()).get(root);
      code != simdjson::SUCCESS) {
    error_ = Error{to_message(code)};
    return;
  }
  root_ = root;
}

JsonDocument::~JsonDocument() {
  if (auto& parser = thread_parser(); parser && parser->capacity() > kKeptCapacity) parser.reset();
}

}  // namespace webhook
