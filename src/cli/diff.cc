#include "cli/diff.h"

#include <algorithm>
#include <sstream>
#include <vector>

namespace webhook {
namespace {

struct Line {
  char mark;  ///< ' ', '-' or '+'.
  std::string text;
};

std::vector<std::string> to_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The longest common subsequence, by dynamic programming over what is left between the common
/// beginning and end: a patched pod differs in a few places.
std::vector<Line> compare(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto same = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const auto head = static_cast<std::size_t>(same.first - a.begin());
  const std::size_t room = std::min(a.size(), b.size()) - head;
  std::size_t tail = 0;
  while (tail < room && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const std::size_t rows = a.size() - head - tail;
  const std::size_t columns = b.size() - head - tail;
  std::vector<std::vector<unsigned>> length(rows + 1, std::vector<unsigned>(columns + 1));
  for (std::size_t i = rows; i-- > 0;) {
    for (std::size_t j = columns; j-- > 0;) {
      length[i][j] = a[head + i] == b[head + j] ? length[i + 1][j + 1] + 1
                                                : std::max(length[i + 1][j], length[i][j + 1]);
    }
  }
  std::vector<Line> lines;
  for (std::size_t i = 0; i < head; ++i) lines.push_back({' ', a[i]});
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && a[head + i] == b[head + j]) {
      lines.push_back({' ', a[head + i++]});
      ++j;
    } else if (j < columns && (i == rows || length[i][j + 1] > length[i + 1][j])) {
      lines.push_back({'+', b[head + j++]});
    } else {
      lines.push_back({'-', a[head + i++]});
    }
  }
  for (std::size_t k = a.size() - tail; k < a.size(); ++k) lines.push_back({' ', a[k]});
  return lines;
}

std::string paint(const Line& line, bool colour) {
  const std::string text = line.mark + line.text;
  if (!colour || line.mark == ' ') return text + '\n';
  return (line.mark == '+' ? "\033[32m" : "\033[31m") + text + "\033[0m\n";
}

constexpr std::size_t kContext = 3;

}  // namespace

std::string to_diff(const std::string& before, const std::string& after, const std::string& name,
                    bool colour) {
  if (before == after) return {};
  const std::vector<Line> lines = compare(to_lines(before), to_lines(after));
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
