#include "tls/certificate_bundle.h"

#include <doctest/doctest.h>

#include "tls/certificate_authority.h"

namespace webhook {
namespace {

using std::chrono::days;
using std::chrono::hours;

constexpr std::chrono::system_clock::time_point kNow{days(20'000)};
const std::string kName = "hook.ns.svc";

CertificateAuthority make_authority() {
  return CertificateAuthority::create("hook CA", {days(30), kNow});
}

std::string issue(const CertificateAuthority& authority) {
  return authority.issue({"hook", service_dns_names("hook", "ns"), {}}, {days(7), kNow})
      .certificate;
}

TEST_CASE("a bundle is read as whoever can write it left it") {
  const std::string one = make_authority().pem().certificate;
  const std::string two = make_authority().pem().certificate;
  std::string damaged = two;
  damaged[damaged.size() / 2] = '!';
  struct Row {
    const char* what;
    std::string text;
    std::vector<std::string> want;
  };
  for (const Row& row : {
           Row{"empty", "", {}},
           Row{"no PEM", "hello", {}},
           Row{"two", one + two, {one, two}},
           Row{"one twice", one + two + one, {one, two}},
           Row{"text around them", "a\n" + one + "\nb\n" + two + "c", {one, two}},
           Row{"a damaged one among others", damaged + one, {one}},
           Row{"a key", make_authority().pem().key + one, {one}},
           Row{"cut short", one + two.substr(0, two.size() / 2), {one}},
           Row{"an end before a beginning", "-----END CERTIFICATE-----\n" + one, {one}},
       }) {
    CAPTURE(row.what);
    std::vector<std::string> got;
    for (const Certificate& each : read_bundle(row.text)) got.push_back(each.pem);
    CHECK((got == row.want));
  }
}

TEST_CASE("a bundle knows how long its certificates are valid, and is written as it is read") {
  const std::string text = make_authority().pem().certificate;
  const auto bundle = read_bundle(text);
  REQUIRE(bundle.size() == 1);
  CHECK((bundle[0].valid_from == kNow - hours(1)));
  CHECK((bundle[0].expires_at == kNow + days(30)));
  CHECK(to_bundle(bundle) == text);
}

TEST_CASE("a certificate verifies against a bundle with its CA, at its time, for its name") {
  const auto authority = make_authority();
  const auto other = make_authority();
  const std::string leaf = issue(authority);
  const auto both = read_bundle(other.pem().certificate + authority.pem().certificate);
  const auto others = read_bundle(other.pem().certificate);
  CHECK(verifies(leaf, both, kName, kNow));
  CHECK(verifies(leaf, both, kName, kNow + days(7) - hours(1)));
  CHECK_FALSE(verifies(leaf, both, kName, kNow + days(7) + hours(1)));
  CHECK_FALSE(verifies(leaf, both, kName, kNow - hours(2)));
  CHECK_FALSE(verifies(leaf, both, "other.ns.svc", kNow));
  CHECK_FALSE(verifies(leaf, others, kName, kNow));
  CHECK_FALSE(verifies(leaf, {}, kName, kNow));
  CHECK_FALSE(verifies("no PEM", both, kName, kNow));
}

TEST_CASE("of 200 CAs of one name the right one is found") {
  std::string text;
  for (int i = 0; i < 199; ++i) text += make_authority().pem().certificate;
  const auto authority = make_authority();
  CHECK(verifies(issue(authority), read_bundle(text + authority.pem().certificate), kName, kNow));
}

}  // namespace
}  // namespace webhook
