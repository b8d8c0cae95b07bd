#include "kube/watch_steps.h"

#include <doctest/doctest.h>

#include <vector>

namespace webhook {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr double kMiddle = 0.5;  // delays as they are meant

/// One that has listed all, as of `version`.
WatchSteps listed(std::string_view version) {
  WatchSteps steps("/api/v1/nodes");
  steps.note_page(version, "");
  return steps;
}

bool lists_all(const WatchSteps& steps) { return steps.is_listing() && steps.is_first_page(); }

TEST_CASE("a list is asked for page by page, then what changes from its version on") {
  WatchSteps steps("/api/v1/nodes");
  CHECK(lists_all(steps));
  CHECK(steps.path(0) == "/api/v1/nodes?limit=25");
  steps.note_page("7", "a+/=b&limit=1");
  CHECK(steps.is_listing());
  CHECK_FALSE(steps.is_first_page());
  CHECK(steps.path(0) == "/api/v1/nodes?limit=25&continue=a%2B%2F%3Db%26limit%3D1");
  steps.note_page("7 or so", "");
  CHECK_FALSE(steps.is_listing());
  CHECK(steps.path(0) ==
        "/api/v1/nodes?watch=1&allowWatchBookmarks=true&resourceVersion=7%20or%20so"
        "&timeoutSeconds=120");
}

TEST_CASE("watches of several replicas end at different times") {
  const WatchSteps steps = listed("7");
  CHECK(steps.path(0.5).ends_with("&timeoutSeconds=150"));
  CHECK(steps.path(0.999).ends_with("&timeoutSeconds=179"));
}

TEST_CASE("what comes after a watch, by how it ended and whether it had told anything") {
  struct Row {
    CallEnd end;
    bool has_told;
    const char* from;  ///< Empty: a list.
  };
  for (const Row& row : {Row{CallEnd::kInOrder, true, "8"}, Row{CallEnd::kCut, true, "8"},
                         Row{CallEnd::kRefused, true, ""}, Row{CallEnd::kInOrder, false, ""},
                         Row{CallEnd::kCut, false, ""}, Row{CallEnd::kRefused, false, ""}}) {
    CAPTURE(static_cast<int>(row.end));
    CAPTURE(row.has_told);
    WatchSteps steps = listed("7");
    if (row.has_told) steps.note_event("8");
    CHECK((steps.note_end(row.end, kMiddle) == 1s));
    CHECK(lists_all(steps) == (*row.from == '\0'));
    if (*row.from != '\0') CHECK(steps.path(0).find("resourceVersion=8&") != std::string::npos);
  }
}

TEST_CASE("a page that was cut is asked for again, one that is refused begins the list anew") {
  for (const CallEnd end : {CallEnd::kCut, CallEnd::kRefused}) {
    WatchSteps steps("/api/v1/nodes");
    steps.note_page("7", "token");
    CHECK((steps.note_end(end, kMiddle) == 1s));
    CHECK(steps.is_listing());
    CHECK(steps.is_first_page() == (end == CallEnd::kRefused));
  }
}

TEST_CASE("after half an hour of watches all is listed anew") {
  WatchSteps steps = listed("7");
  for (int round = 0; round < 2; ++round) {
    for (int watch = 1; watch < WatchSteps::kWatchesOfAList; ++watch) {
      steps.note_event("8");
      (void)steps.note_end(CallEnd::kInOrder, kMiddle);
      REQUIRE_FALSE(steps.is_listing());
    }
    steps.note_event("9");
    (void)steps.note_end(CallEnd::kInOrder, kMiddle);
    CHECK(lists_all(steps));
    steps.note_page("9", "");
  }
}

TEST_CASE("delays double while nothing is told, and begin anew once something is") {
  WatchSteps steps("/api/v1/nodes");
  std::vector<milliseconds> delays;
  for (int i = 0; i < 7; ++i) delays.push_back(steps.note_end(CallEnd::kCut, kMiddle));
  CHECK((delays == std::vector<milliseconds>{1s, 2s, 4s, 8s, 16s, 30s, 30s}));
  // A list alone is no sign that the watch behind it works.
  steps.note_page("7", "");
  CHECK((steps.note_end(CallEnd::kRefused, kMiddle) == 30s));
  steps.note_page("7", "");
  steps.note_event("8");
  CHECK((steps.note_end(CallEnd::kCut, kMiddle) == 1s));
  steps.note_event("9");
  CHECK((steps.note_end(CallEnd::kInOrder, kMiddle) == 1s));
  // Nor is what comes before a refusal: it could go on so for ever, and each time all is listed.
  steps.note_event("10");
  CHECK((steps.note_end(CallEnd::kRefused, kMiddle) == 2s));
  steps.note_page("11", "");
  steps.note_event("12");
  CHECK((steps.note_end(CallEnd::kRefused, kMiddle) == 4s));
}

TEST_CASE("delays of several replicas differ by a quarter to either side") {
  CHECK((listed("7").note_end(CallEnd::kCut, 0) == 750ms));
  CHECK((listed("7").note_end(CallEnd::kCut, 0.999) == 1249ms));
}

}  // namespace
}  // namespace webhook
