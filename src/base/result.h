#pragma once

#include <string>
#include <utility>
#include <variant>

namespace webhook {

/// Why something was refused. Grammar of the message: `where: what is wrong (what would be right)`.
struct Error {
  std::string message;
};

/// A value, or the reason there is none. Stands in for std::expected (C++23) and copies its names.
template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit, as those of std::expected are.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  [[nodiscard]] T& value() { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace webhook
