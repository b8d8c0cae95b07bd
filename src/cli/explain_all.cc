#include "cli/explain_all.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <stdexcept>

#include "base/text.h"

namespace webhook {
namespace {

constexpr std::size_t kMaxName = 253;

Colour colour_of(Actor actor) { return actor == Actor::kNeither ? Colour::kYellow : Colour::kNone; }

void print_rows(const std::vector<Explained>& pods) {
  std::vector<std::vector<Cell>> rows;
  rows.push_back({{"NAMESPACE"}, {"POD"}, {"STATE"}, {"REASON"}, {"ACTS"}, {"NODE"}, {"NOTE"}});
  for (const Explained& pod : pods) {
    rows.push_back({{to_printable(pod.ns, kMaxName)},
                    {to_printable(pod.name, kMaxName)},
                    {std::string(to_string(*pod.state)), colour_of(*pod.state)},
                    {std::string(to_string(pod.explanation.decision.reason))},
                    {std::string(to_string(pod.acting.actor())), colour_of(pod.acting.actor())},
                    {pod.node.empty() ? "-" : to_printable(pod.node, kMaxName)},
                    {pod.note.empty() ? "-" : pod.note}});
  }
  print_table(rows);
}

std::string to_counts(const std::map<PodState, std::size_t>& counts) {
  std::string text;
  for (const auto& [state, count] : counts) {
    text +=
        (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + std::string(to_string(state));
  }
  return text;
}

}  // namespace

void print_all(const std::vector<Explained>& pods, const std::vector<std::string>& fail_on,
               bool as_json) {
  std::map<PodState, std::size_t> counts;
  std::map<PodState, std::size_t> failed;
  for (const Explained& pod : pods) {
    ++counts[*pod.state];
    const bool counts_here =
        std::find(fail_on.begin(), fail_on.end(), to_string(*pod.state)) != fail_on.end();
    if (counts_here) ++failed[*pod.state];
  }
  if (as_json) {
    Document list = {{"pods", Document::array()}, {"states", Document::object()}};
    for (const Explained& pod : pods) list["pods"].push_back(to_json(pod));
    for (const auto& [state, count] : counts) list["states"][std::string(to_string(state))] = count;
    std::cout << list.dump(2) << '\n';
  } else if (!pods.empty()) {
    print_rows(pods);
  }
  std::cout.flush();
  if (failed.empty()) {
    std::cerr << (pods.empty() ? "no code-executor pods" : to_counts(counts)) << '\n';
    return;
  }
  throw std::runtime_error("of " + std::to_string(pods.size()) + " code-executor pods " +
                           to_counts(failed) +
                           " (expected none: explain each, or leave states "
                           "out of --fail-on)");
}

}  // namespace webhook
