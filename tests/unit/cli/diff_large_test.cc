// Large texts: what is printed leads from one to the other, and memory has a bound. This program
// counts what it allocates.
#include "cli/diff.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> peak_bytes{0};

}  // namespace

void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t live = live_bytes += ::malloc_usable_size(memory);
  if (live > peak_bytes) peak_bytes = live;
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory != nullptr) live_bytes -= ::malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace webhook {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20U;

/// Counts from its construction.
class HeapPeak {
 public:
  HeapPeak() : before_(live_bytes) { peak_bytes = before_; }
  [[nodiscard]] std::size_t bytes() const { return peak_bytes - before_; }

 private:
  std::size_t before_;
};

std::vector<std::string> to_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string to_text(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).append("\n");
  return text;
}

/// What patch(1) makes of `before`; where a hunk does not fit, the test fails.
std::string apply(const std::string& before, const std::string& diff) {
  const auto old_lines = to_lines(before);
  std::vector<std::string> out;
  std::size_t at = 0;
  for (const std::string& line : to_lines(diff)) {
    if (line.starts_with("---") || line.starts_with("+++")) continue;
    unsigned long first = 0;
    if (std::sscanf(line.c_str(), "@@ -%lu,", &first) == 1) {
      while (at + 1 < first) out.push_back(old_lines.at(at++));
    } else if (line.front() == '+') {
      out.push_back(line.substr(1));
    } else {
      REQUIRE(old_lines.at(at) == line.substr(1));
      if (line.front() == ' ') out.push_back(old_lines[at]);
      ++at;
    }
  }
  while (at < old_lines.size()) out.push_back(old_lines[at++]);
  return to_text(out);
}

std::string numbered(std::size_t lines, std::size_t changed_every) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) {
    const bool is_changed = changed_every != 0 && i % changed_every == 0;
    text.append(is_changed ? "changed " : "line ").append(std::to_string(i)).append("\n");
  }
  return text;
}

/// A List of pods of `lines` lines each.
std::string list_of_pods(std::size_t pods, std::size_t lines, bool is_patched) {
  std::string text = "apiVersion: v1\nitems:\n";
  for (std::size_t pod = 0; pod < pods; ++pod) {
    text += "- apiVersion: v1\n";
    for (std::size_t line = 0; line < lines; ++line) {
      text += "  member" + std::to_string(line) + ": " + std::to_string(pod * lines + line) + '\n';
      if (is_patched && line % 20 == 7) text += "  added: one\n  added: two\n";
    }
  }
  return text + "kind: List\n";
}

TEST_CASE("2,000 lines that differ in every second one") {
  const std::string before = numbered(2000, 0);
  const std::string after = numbered(2000, 2);
  const HeapPeak peak;
  const std::string diff = to_diff(before, after, "f", false);
  CHECK(peak.bytes() < 100 * kMegabyte);
  CHECK(apply(before, diff) == after);
  CHECK(std::count(diff.begin(), diff.end(), '\n') == 3 + 1000 + 1000 + 1000);
}

TEST_CASE("20,000 lines of which none is the same take no more memory than 2,000") {
  const std::string before = numbered(20'000, 0);
  const std::string after = numbered(20'000, 1);
  const HeapPeak peak;
  const std::string diff = to_diff(before, after, "f", false);
  CHECK(peak.bytes() < 100 * kMegabyte);
  CHECK(apply(before, diff) == after);
}

TEST_CASE("a list of 200 pods takes a few times its text") {
  const std::string before = list_of_pods(200, 120, false);
  const std::string after = list_of_pods(200, 120, true);
  const HeapPeak peak;
  const std::string diff = to_diff(before, after, "f", false);
  CHECK(peak.bytes() < 10 * after.size());
  CHECK(apply(before, diff) == after);
}

TEST_CASE("whatever two texts are, the difference leads from one to the other") {
  std::mt19937 random(1);
  const auto pick = [&](unsigned from) { return static_cast<unsigned>(random()) % from; };
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> before;
    std::vector<std::string> after;
    for (unsigned i = pick(40); i > 0; --i) {
      const std::string line = (pick(5) == 0 ? "- " : "") + std::string(1, "abcdef"[pick(6)]);
      if (pick(6) != 0) before.push_back(line);
      if (pick(6) != 0) after.push_back(line);
    }
    CAPTURE(to_text(before));
    CAPTURE(to_text(after));
    const std::string diff = to_diff(to_text(before), to_text(after), "f", false);
    CHECK(apply(to_text(before), diff) == to_text(after));
  }
}

}  // namespace
}  // namespace webhook
