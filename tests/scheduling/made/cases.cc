// Writes made pods and nodes, with the nodes that we find for each pod, for verdicts_test.go to
// compare with Kubernetes' own code: one JSON object a line.
#include <cstdint>
#include <fstream>
#include <iostream>

#include "base/json_reader.h"
#include "scheduling/candidates.h"
#include "support/node_generator.h"
#include "support/nodes.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kPods = 4'000;

std::vector<std::string> candidates(const Json& spec, const std::vector<Json>& nodes) {
  JsonParser parser;
  const std::string body = spec.dump();
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  const auto snapshot = snapshot_of(nodes);
  std::vector<std::string> names;
  find_candidates(read_pod_constraints(root), *snapshot).all_of([&](std::size_t node) {
    names.emplace_back(snapshot->name_of(node));
    return true;
  });
  return names;
}

int write_cases(const char* file) {
  std::ofstream to(file);
  to.exceptions(std::ios::failbit | std::ios::badbit);
  for (std::uint64_t seed = 0; seed < kPods; ++seed) {
    Dice dice(seed);
    const std::vector<Json> nodes = make_nodes(dice, true);
    Json spec = Json::object();
    add_constraints(dice, spec);
    spec.erase("nodeName");  // no scheduler sees such a pod
    to << Json{{"spec", spec}, {"nodes", nodes}, {"candidates", candidates(spec, nodes)}} << '\n';
  }
  return 0;
}

}  // namespace
}  // namespace webhook

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: scheduling_cases FILE\n";
    return 2;
  }
  return webhook::write_cases(argv[1]);
}
