#include "base/dns_name.h"

#include <doctest/doctest.h>

#include <string>

namespace webhook {
namespace {

using namespace std::string_literals;

TEST_CASE("a DNS label is what can be the name of a namespace") {
  for (const std::string& text :
       {"default"s, "a"s, "0"s, "kube-system"s, "a--b"s, std::string(63, 'a')}) {
    CAPTURE(text);
    CHECK(is_dns_label(text));
    CHECK(is_dns_subdomain(text));
  }
  for (const std::string& text : {""s, "-a"s, "a-"s, "-"s, "A"s, "a_b"s, "a b"s, "a\n"s, "a\0b"s,
                                  "\xc3\xa9"s, "a/.."s, "*"s, "a\x7f"s}) {
    CAPTURE(text);
    CHECK_FALSE(is_dns_label(text));
    CHECK_FALSE(is_dns_subdomain(text));
  }
  CHECK_FALSE(is_dns_label(std::string(64, 'a')));
  CHECK_FALSE(is_dns_label("a.b"));
}

TEST_CASE("a DNS subdomain is what can be the name of a ConfigMap") {
  const std::string longest = std::string(63, 'a') + '.' + std::string(189, 'b');
  for (const std::string& text : {"a.b"s, "kube-root-ca.crt"s, "1.2.3.4"s, longest,
                                  "code-executor-seccomp-" + std::string(64, 'f')}) {
    CAPTURE(text);
    CHECK(is_dns_subdomain(text));
  }
  for (const std::string& text :
       {"."s, ".a"s, "a."s, "a..b"s, "a.-b"s, "a-.b"s, "a.B"s, "*.a"s, longest + 'b'}) {
    CAPTURE(text);
    CHECK_FALSE(is_dns_subdomain(text));
  }
}

}  // namespace
}  // namespace webhook
