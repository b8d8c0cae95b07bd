#include "node/container_runtime.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace webhook {
namespace {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// The fields of a protobuf message, one after the other. Source: protobuf.dev, "Encoding".
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  /// Goes to the next field; false at the end, and where the message is broken.
  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t tag = varint();
    number_ = tag >> 3U;
    bytes_ = {};
    value_ = 0;
    switch (static_cast<WireType>(tag & 7U)) {
      case WireType::kVarint: value_ = varint(); break;
      case WireType::kFixed64: bytes_ = take(8); break;
      case WireType::kBytes: bytes_ = take(varint()); break;
      case WireType::kFixed32: bytes_ = take(4); break;
      default: is_broken_ = true;
    }
    return !is_broken_;
  }

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::uint64_t value() const { return value_; }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    is_broken_ = true;
    return 0;
  }

  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) {
      is_broken_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
  std::uint64_t number_ = 0;
  std::uint64_t value_ = 0;
  std::string_view bytes_;
  bool is_broken_ = false;
};

/// The value of field `wanted` of a message of flags; nothing if the message is broken.
std::optional<bool> read_flag(std::string_view message, std::uint64_t wanted) {
  bool value = false;
  ProtobufReader field(message);
  while (field.next()) {
    if (field.number() == wanted) value = field.value() != 0;
  }
  if (field.is_broken()) return std::nullopt;
  return value;
}

std::optional<RuntimeHandler> read_handler(std::string_view message) {
  constexpr std::uint64_t kName = 1;
  constexpr std::uint64_t kFeatures = 2;
  constexpr std::uint64_t kUserNamespaces = 2;  // of the features
  RuntimeHandler handler;
  ProtobufReader field(message);
  while (field.next()) {
    if (field.number() == kName) handler.name = field.bytes();
    if (field.number() == kFeatures) {
      const auto has = read_flag(field.bytes(), kUserNamespaces);
      if (!has) return std::nullopt;
      handler.has_user_namespaces = *has;
    }
  }
  if (field.is_broken()) return std::nullopt;
  return handler;
}

}  // namespace

Result<ContainerRuntime> read_version_response(std::string_view message) {
  constexpr std::uint64_t kRuntimeName = 2;
  constexpr std::uint64_t kRuntimeVersion = 3;
  ContainerRuntime runtime;
  ProtobufReader field(message);
  while (field.next()) {
    if (field.number() == kRuntimeName) runtime.name = field.bytes();
    if (field.number() == kRuntimeVersion) runtime.version = field.bytes();
  }
  if (field.is_broken() || runtime.name.empty()) {
    return Error{
        "Version: not an answer of a container runtime (expected a runtime.v1.VersionResponse)"};
  }
  return runtime;
}

Result<std::vector<RuntimeHandler>> read_status_response(std::string_view message) {
  constexpr std::uint64_t kRuntimeHandlers = 3;
  std::vector<RuntimeHandler> handlers;
  ProtobufReader field(message);
  while (field.next()) {
    if (field.number() != kRuntimeHandlers) continue;
    auto handler = read_handler(field.bytes());
    if (!handler)
      return Error{"Status: a broken runtime handler (expected a runtime.v1.RuntimeHandler)"};
    handlers.push_back(std::move(*handler));
  }
  if (field.is_broken()) {
    return Error{
        "Status: not an answer of a container runtime (expected a runtime.v1.StatusResponse)"};
  }
  return handlers;
}

}  // namespace webhook
