#include "server/routes.h"

#include <doctest/doctest.h>

#include <string>

namespace webhook {

using std::chrono::nanoseconds;

TEST_CASE("durations are read as Go prints them") {
  CHECK(parse_go_duration("10s") == nanoseconds(10'000'000'000));
  CHECK(parse_go_duration("1m30s") == nanoseconds(90'000'000'000));
  CHECK(parse_go_duration("1.5s") == nanoseconds(1'500'000'000));
  CHECK(parse_go_duration("250ms") == nanoseconds(250'000'000));
  CHECK(parse_go_duration("5\u00b5s") == nanoseconds(5'000));
  CHECK(parse_go_duration("5us1ns") == nanoseconds(5'001));
  CHECK(parse_go_duration("0s") == nanoseconds(0));
  CHECK(parse_go_duration("1h") == std::chrono::hours(1));
}

TEST_CASE("longer than an hour is an hour, however long") {
  CHECK(parse_go_duration("1000000h") == std::chrono::hours(1));
  CHECK(parse_go_duration("1" + std::string(300, '0') + "h") == std::chrono::hours(1));
}

TEST_CASE("what is no duration has no value") {
  for (const char* text :
       {"", "s", "10", "10 s", "-1s", "10x", "1e", "10s ", "nans", "infs", "1sm"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_go_duration(text).has_value());
  }
}

TEST_CASE("readiness names each failing check, and all of them when asked") {
  std::string failure;
  std::string note;
  const auto routes = make_ops_routes(
      {{"first", [] { return ""; }, [&] { return note; }}, {"second", [&] { return failure; }}},
      [] { return "metrics"; });
  const auto ready = [&](bool verbose) {
    HttpRequest asked;
    asked.verbose = verbose;
    for (const Route& route : routes) {
      if (route.path == "/readyz") return route.handler(asked);
    }
    return HttpAnswer{};
  };
  CHECK(ready(false).status == 200);
  CHECK(ready(false).body == "ok");
  CHECK(ready(true).body == "[+]first ok\n[+]second ok\nreadyz check passed\n");
  note = "a note";
  CHECK(ready(false).body == "ok");
  CHECK(ready(true).body == "[+]first ok: a note\n[+]second ok\nreadyz check passed\n");
  note.clear();
  failure = "why";
  CHECK(ready(false).status == 503);
  CHECK(ready(false).body == "[-]second failed: why\nreadyz check failed\n");
  CHECK(ready(true).body == "[+]first ok\n[-]second failed: why\nreadyz check failed\n");
}

TEST_CASE("a handler's failure goes up to the listener, which answers 500") {
  const auto routes = make_admission_routes(
      {.sandbox = [] { return std::shared_ptr<const Sandbox>(); },
       .cluster = []() -> std::optional<ClusterState> { throw std::runtime_error("a bug"); },
       .on_reviewed = [](const Reviewed&, const HttpRequest&, std::chrono::duration<double>) {}});
  REQUIRE(routes.size() == 1);
  CHECK(routes[0].content_type == "application/json");
  CHECK_THROWS(routes[0].handler({}));
}

TEST_CASE("a review for which there is no memory now is put off, and small ones are not") {
  int reviewed = 0;
  const auto routes = make_admission_routes(
      {.sandbox = [] { return std::make_shared<const Sandbox>(make_sandbox({})); },
       .cluster =
           [] {
             return ClusterState{.version = {1, 34}};
           },
       .on_reviewed = [&](const Reviewed&, const HttpRequest&,
                          std::chrono::duration<double>) { ++reviewed; },
       .memory = std::make_shared<MemoryBudget>(std::size_t{2} << 20U, std::size_t{1} << 20U)});
  const std::string small =
      R"({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "a"}})";
  HttpRequest request;
  const std::string large = small + std::string(100'000, ' ');
  request.body = large;
  const HttpAnswer answer = routes.at(0).handler(request);
  CHECK(answer.status == 503);
  CHECK(answer.retry_after);
  CHECK(reviewed == 0);
  request.body = small;
  CHECK(routes.at(0).handler(request).status == 200);
  CHECK(reviewed == 1);
}

}  // namespace webhook
