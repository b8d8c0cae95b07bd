#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/json_parser.h"
#include "base/result.h"

namespace webhook {

/// A value of a parsed document, with its place in it for messages. A member that is missing and
/// one that is null are the same: absent, and every read of it gives the empty value.
///
/// Errors stick: the first thing found wrong is kept in the document's `error`, reads go on with
/// empty values, and the caller looks at `error` once, at the end. A place is a chain of pointers
/// to the values it was reached through, so those must be alive: hence no member of a temporary.
class JsonValue {
 public:
  [[nodiscard]] bool is_present() const { return element_.document != nullptr; }

  /// Member `key` of an object. Wrong: not an object, or `key` is there twice.
  [[nodiscard]] JsonValue field(std::string_view key) const&;
  // NOLINTNEXTLINE(modernize-use-nodiscard): it is deleted
  JsonValue field(std::string_view key) const&& = delete;

  /// The string; empty if absent. Valid as long as the document.
  [[nodiscard]] std::string_view string() const;

  /// The boolean; none if absent.
  [[nodiscard]] std::optional<bool> boolean() const;

  /// The whole number; none if absent. Wrong: a number that is none, or that 64 bits do not hold.
  [[nodiscard]] std::optional<std::int64_t> integer() const;

  /// True for an object with a member that is not null. Wrong: not an object, or a member is there
  /// twice.
  [[nodiscard]] bool has_members() const;

  /// Calls `visit(element, index)` for each element of a list, none if absent.
  template <class Visit>
  void for_each(Visit visit) const {
    call_for_each([](void* to, const JsonValue& element,
                     std::size_t index) { (*static_cast<Visit*>(to))(element, index); },
                  &visit);
  }

  /// The last element of a list of objects whose member "name" is the string `name`; absent if
  /// there is none. Wrong: what is wrong for field("name").string() of each element. Cheaper than
  /// that.
  [[nodiscard]] JsonValue last_named(std::string_view name) const&;
  // NOLINTNEXTLINE(modernize-use-nodiscard): it is deleted
  JsonValue last_named(std::string_view name) const&& = delete;

  /// Calls `visit(key, member)` for each member of an object that is not null, none if absent.
  /// Wrong: not an object, or a member is there twice. The key is the sender's text.
  template <class Visit>
  void for_each_member(Visit visit) const {
    call_for_each_member([](void* to, std::string_view key,
                            const JsonValue& member) { (*static_cast<Visit*>(to))(key, member); },
                         &visit);
  }

  /// The number of elements of a list; 0 if absent.
  [[nodiscard]] std::size_t size() const;

  /// True for the same members and elements as those of `want`; members that are null do not count,
  /// and an absent value matches nothing. Another type is only a difference; wrong is a member that
  /// is there twice.
  [[nodiscard]] bool matches(const nlohmann::json& want) const;

  /// True for what has all of `least`, and nothing that is not in `most`: what the API server adds
  /// to an object is in `most` only. Null members do not count, lists are of one length.
  [[nodiscard]] bool is_between(const nlohmann::json& least, const nlohmann::json& most) const;

  /// Says that this value is wrong: "request.object.spec: <what>".
  void refuse(std::string_view what) const;

 private:
  friend class JsonDocument;
  /// The part that knows simdjson, whose header takes seconds to compile.
  class Dom;

  /// A simdjson::dom::element, bit for bit, or none where `document` is null.
  struct Element {
    const void* document = nullptr;
    std::size_t index = 0;
  };

  JsonValue(const JsonValue* parent, std::string_view key, std::size_t index, Element element,
            std::optional<Error>& error)
      : parent_(parent), key_(key), index_(index), element_(element), error_(&error) {}

  void call_for_each(void (*call)(void* to, const JsonValue& element, std::size_t index),
                     void* to) const;
  void call_for_each_member(void (*call)(void* to, std::string_view key, const JsonValue& member),
                            void* to) const;
  [[nodiscard]] bool matches_object(const nlohmann::json& want) const;
  [[nodiscard]] bool matches_list(const nlohmann::json& want) const;
  [[nodiscard]] std::string place() const;
  void refuse_type(std::string_view expected) const;

  const JsonValue* parent_;
  std::string_view key_;  ///< Empty for an element of a list.
  std::size_t index_;
  Element element_;
  std::optional<Error>* error_;
};

/// Nesting that is read; API objects have some 20 levels.
inline constexpr std::size_t kMaxJsonDepth = 128;

/// A parsed body, in the memory of `parser`: valid until that goes, or parses the next one. All of
/// the body is validated, read or not: UTF-8, numbers, nesting.
class JsonDocument {
 public:
  JsonDocument(JsonParser& parser, std::string_view body);
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  /// The whole document; absent if it could not be parsed.
  [[nodiscard]] JsonValue root() { return {nullptr, {}, 0, root_, error_}; }

  /// The first thing found wrong, while parsing or by a read since.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  std::optional<Error> error_;
  JsonValue::Element root_;
};

}  // namespace webhook
