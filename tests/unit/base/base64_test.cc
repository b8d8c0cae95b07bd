#include "base/base64.h"

#include <doctest/doctest.h>

#include "support/reviews.h"

namespace webhook {
namespace {

TEST_CASE("to_base64 gives the test vectors of RFC 4648, section 10") {
  struct Row {
    const char* bytes;
    const char* want;
  };
  for (const Row& row : {
           Row{"", ""},
           Row{"f", "Zg=="},
           Row{"fo", "Zm8="},
           Row{"foo", "Zm9v"},
           Row{"foob", "Zm9vYg=="},
           Row{"fooba", "Zm9vYmE="},
           Row{"foobar", "Zm9vYmFy"},
       }) {
    CAPTURE(row.bytes);
    CHECK(to_base64(row.bytes) == row.want);
  }
}

TEST_CASE("to_base64 keeps every byte, at every length") {
  std::string bytes;
  for (int i = 0; i < 700; ++i) {
    CAPTURE(i);
    CHECK(from_base64(to_base64(bytes)) == bytes);
    bytes += static_cast<char>(static_cast<unsigned char>(i * 37 % 256));
  }
  CHECK(to_base64("\xfb\xff\xfe") == "+//+");
}

TEST_CASE("to_base64 takes long input, whatever is left behind its parts") {
  for (const std::size_t size : {49'151U, 49'152U, 49'153U, 98'304U, 1'000'001U}) {
    CAPTURE(size);
    std::string bytes(size, 'x');
    bytes.back() = 'y';
    CHECK(from_base64(to_base64(bytes)) == bytes);
  }
}

TEST_CASE("decode_base64 gives back every byte, at every length") {
  std::string bytes;
  for (int i = 0; i < 700; ++i) {
    CAPTURE(i);
    CHECK(decode_base64(to_base64(bytes)) == bytes);
    bytes += static_cast<char>(static_cast<unsigned char>(i * 37 % 256));
  }
  const std::string large(200'000, 'x');
  CHECK(decode_base64(to_base64(large)) == large);
}

TEST_CASE("decode_base64 refuses what to_base64 does not make") {
  for (const char* text : {"Zg", "Zg=", "Zm9v\n", " Zm9", "Zm9 ", "Zh==", "Z===", "====", "Zm-_",
                           "Zg==Zg==", "Zm9\x80"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_base64(text));
  }
}

}  // namespace
}  // namespace webhook
