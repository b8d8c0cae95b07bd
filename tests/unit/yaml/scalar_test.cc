#include "yaml/scalar.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace webhook {

using Json = nlohmann::ordered_json;

// What sigs.k8s.io/yaml v1.6.0 makes of each, run on the same words.
TEST_CASE("a plain scalar means what it means to Go's library") {
  struct Scalar {
    std::string text;
    Json value;
  };
  const std::vector<Scalar> kScalars{
      {"", nullptr},
      {"~", nullptr},
      {"Null", nullptr},
      {"nULL", "nULL"},
      {"y", true},
      {"Yes", true},
      {"yES", "yES"},
      {"on", true},
      {"N", false},
      {"off", false},
      {"false", false},
      {"0", 0},
      {"-0", 0},
      {"+5", 5},
      {"1_000", 1000},
      {"1__0", 10},
      {"_1", "_1"},
      {"0x1F", 31},
      {"0x_1F", 31},
      {"-0x1f", -31},
      {"0b11", 3},
      {"0o17", 15},
      {"017", 15},
      {"-017", -15},
      {"08", 8.0},
      {"0x", "0x"},
      {"9007199254740993", 9007199254740993},
      {"18446744073709551615", 18446744073709551615U},
      {"18446744073709551616", 18446744073709551616.0},
      {"-9223372036854775808", INT64_MIN},
      {"-9223372036854775809", -9223372036854775809.0},
      {"0b-1", -1},
      {"+18446744073709551615", 18446744073709551616.0},
      {std::string(80, '1'), 1.1111111111111111e79},
      {".5", 0.5},
      {".5_0", 0.5},
      {".5__0", ".5__0"},
      {"._5", "._5"},
      {"-.5_", -0.5},
      {".", "."},
      {"-", "-"},
      {"1e-400", 0.0},
      {"+.5", 0.5},
      {"1.", 1.0},
      {"1e3", 1000.0},
      {"1.5e+3", 1500.0},
      {"1e", "1e"},
      {"10m", "10m"},
      {"1:30", "1:30"},
      {"1.2.3", "1.2.3"},
      {"2001-01-01", "2001-01-01"},
      {"=", "="},
      {"<<", "<<"},
      {"yes please", "yes please"},
  };
  for (const Scalar& scalar : kScalars) {
    CAPTURE(scalar.text);
    const auto value = resolve_scalar(scalar.text);
    REQUIRE(value.has_value());
    CHECK(*value == scalar.value);
    CHECK(value->type_name() == std::string(scalar.value.type_name()));
  }
}

TEST_CASE("a number that JSON cannot hold has no value") {
  for (const char* text : {".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e400", "-1e400"}) {
    CAPTURE(text);
    CHECK_FALSE(resolve_scalar(text).has_value());
  }
}

}  // namespace webhook
