#include "cli/diff.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <dtl/dtl.hpp>

namespace webhook {
namespace {

using Lines = std::vector<std::string_view>;

struct Line {
  char mark;  ///< ' ', '-' or '+'.
  std::string_view text;
};

Lines to_lines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return lines;
}

/// Cut before each element of a list at the margin: a List of objects is compared object by object,
/// so that it costs no more than its largest one.
std::vector<Lines> to_pieces(const Lines& lines) {
  std::vector<Lines> pieces(1);
  for (const std::string_view line : lines) {
    if (line.starts_with("- ")) pieces.emplace_back();
    pieces.back().push_back(line);
  }
  return pieces;
}

/// Adds the shortest way from `before` to `after`; of a change, what goes stands before what comes.
void compare(const Lines& before, const Lines& after, std::vector<Line>& to) {
  dtl::Diff<std::string_view, Lines> diff(before, after);
  diff.compose();
  std::vector<Line> added;
  const auto end_change = [&] {
    to.insert(to.end(), added.begin(), added.end());
    added.clear();
  };
  for (const auto& [text, edit] : diff.getSes().getSequence()) {
    if (edit.type == dtl::SES_ADD) {
      added.push_back({'+', text});
      continue;
    }
    if (edit.type == dtl::SES_COMMON) end_change();
    to.push_back({edit.type == dtl::SES_DELETE ? '-' : ' ', text});
  }
  end_change();
}

std::vector<Line> compare(const std::string& before, const std::string& after) {
  const Lines old_lines = to_lines(before);
  const Lines new_lines = to_lines(after);
  const auto old_pieces = to_pieces(old_lines);
  const auto new_pieces = to_pieces(new_lines);
  std::vector<Line> lines;
  if (old_pieces.size() == new_pieces.size()) {
    for (std::size_t i = 0; i < old_pieces.size(); ++i) {
      compare(old_pieces[i], new_pieces[i], lines);
    }
  } else {
    compare(old_lines, new_lines, lines);
  }
  return lines;
}

std::string paint(const Line& line, bool colour) {
  const std::string text = line.mark + std::string(line.text);
  if (!colour || line.mark == ' ') return text + '\n';
  return (line.mark == '+' ? "\033[32m" : "\033[31m") + text + "\033[0m\n";
}

constexpr std::size_t kContext = 3;

}  // namespace

std::string to_diff(const std::string& before, const std::string& after, const std::string& name,
                    bool colour) {
  if (before == after) return {};
  const std::vector<Line> lines = compare(before, after);
  std::string out = "--- " + name + "\n+++ " + name + " (mutated)\n";
  std::size_t old_line = 1;
  std::size_t new_line = 1;
  for (std::size_t at = 0; at < lines.size();) {
    // A hunk: from the next change, less its context, to where no change follows within reach.
    std::size_t first = at;
    while (first < lines.size() && lines[first].mark == ' ') ++first;
    if (first == lines.size()) break;
    const std::size_t begin = std::max(at, first - std::min(first, kContext));
    std::size_t end = first;
    for (std::size_t k = first; k < std::min(lines.size(), end + 2 * kContext + 2); ++k) {
      if (lines[k].mark != ' ') end = k;
    }
    const std::size_t stop = std::min(lines.size(), end + kContext + 1);
    old_line += begin - at;
    new_line += begin - at;
    std::string body;
    std::size_t old_count = 0;
    std::size_t new_count = 0;
    for (std::size_t k = begin; k < stop; ++k) {
      body += paint(lines[k], colour);
      if (lines[k].mark != '+') ++old_count;
      if (lines[k].mark != '-') ++new_count;
    }
    out += "@@ -" + std::to_string(old_line) + ',' + std::to_string(old_count) + " +" +
           std::to_string(new_line) + ',' + std::to_string(new_count) + " @@\n" + body;
    old_line += old_count;
    new_line += new_count;
    at = stop;
  }
  return out;
}

}  // namespace webhook
