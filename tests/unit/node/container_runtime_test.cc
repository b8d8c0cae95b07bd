#include "node/container_runtime.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {
namespace {

using namespace std::string_view_literals;

// As containerd 2.1 sent them, taken down to what is read and one field that is not.
constexpr std::string_view kVersion =
    "\x0A\x05"
    "0.1.0"
    "\x12\x0A"
    "containerd"
    "\x1A\x06"
    "v2.1.4"
    "\x22\x02"
    "v1"sv;
// A status, an info entry, and the handlers "" and "runc", the second without user namespaces.
constexpr std::string_view kStatus =
    "\x0A\x02\x0A\x00\x12\x04\x0A\x02"
    "ab"
    "\x1A\x06\x12\x04\x08\x01\x10\x01\x1A\x0A\x0A\x04"
    "runc"
    "\x12\x02\x08\x01"sv;

TEST_CASE("a VersionResponse gives the runtime's name and version") {
  const auto runtime = read_version_response(kVersion);
  REQUIRE(runtime);
  CHECK(runtime->name == "containerd");
  CHECK(runtime->version == "v2.1.4");
}

TEST_CASE("a StatusResponse gives the handlers, and whether each has user namespaces") {
  const auto handlers = read_status_response(kStatus);
  REQUIRE(handlers);
  CHECK(*handlers == std::vector<RuntimeHandler>{{"", true}, {"runc", false}});
  CHECK(read_status_response("")->empty());
}

TEST_CASE("fields and wire types of other releases are passed over") {
  // Field 9: fixed64, field 10: fixed32, field 300: varint of ten bytes.
  const std::string others =
      "\x49"
      "12345678"
      "\x55"
      "1234"
      "\xE0\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01";
  CHECK(read_version_response(others + std::string(kVersion))->name == "containerd");
  CHECK(read_status_response(others + std::string(kStatus))->size() == 2);
}

TEST_CASE("what is no message is an error, wherever it breaks off") {
  CHECK_FALSE(read_version_response(""));
  for (const std::string_view broken : {"\x0A"sv,
                                        "\x0A\x05"
                                        "0.1"sv,
                                        "\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"sv, "\x13"sv,
                                        "\x49"
                                        "1234"sv,
                                        "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv}) {
    CHECK_FALSE(read_version_response(broken));
    CHECK_FALSE(read_status_response(broken));
  }
  for (std::size_t size = 0; size < kStatus.size(); ++size) {
    const auto handlers = read_status_response(kStatus.substr(0, size));
    if (handlers) CHECK(handlers->size() < 2);
  }
  CHECK_FALSE(read_status_response("\x1A\x02\x0A\x05"sv));          // a handler's name breaks off
  CHECK_FALSE(read_status_response("\x1A\x04\x12\x02\x10\xFF"sv));  // and its features
}

}  // namespace
}  // namespace webhook
