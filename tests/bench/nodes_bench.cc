// What 5,000 nodes cost: a review with them and without, a new snapshot, a change, and the memory.

#include <malloc.h>

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "admission/admission.h"
#include "scheduling/node_inventory.h"
#include "scheduling/node_snapshot.h"
#include "scheduling/pod_constraints.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

constexpr int kNodes = 5'000;

/// As a node of a large cluster is labelled: some 35 labels, three of which are its own. One pool
/// of ten is bad; with `is_mixed` half of its nodes, so that no pool can be avoided.
ClusterNode make_node(int i, bool is_mixed) {
  const std::string name = "gke-production-pool-" + std::to_string(100'000 + i);
  const bool is_bad = i % 10 == 0 && (!is_mixed || i % 20 == 0);
  ClusterNode node;
  node.name = name;
  for (int label = 0; label < 30; ++label) {
    node.labels.emplace_back("example.com/some-label-" + std::to_string(10 + label),
                             "value-" + std::to_string(i % (label + 1)));
  }
  node.labels.emplace_back("cloud.google.com/gke-nodepool", "pool-" + std::to_string(i % 10));
  node.labels.emplace_back("example.com/instance-id", "i-" + std::to_string(7'000'000 + i));
  node.labels.emplace_back("example.com/number", std::to_string(i));
  node.labels.emplace_back("kubernetes.io/hostname", name);
  node.labels.emplace_back("kubernetes.io/os", "linux");
  node.labels.emplace_back("topology.example.com/node", name + ".internal");
  if (i % 7 == 0)
    node.taints = {{"dedicated", "team-" + std::to_string(i % 3), Taint::Effect::kNoSchedule}};
  node.kernel_version = is_bad ? "5.15.0-130-generic" : "6.8.0-45-generic";
  node.kubelet_version = "v1.34.1";
  node.runtime_handlers = {{"", true}};
  return node;
}

std::unique_ptr<NodeInventory> make_inventory(bool is_mixed) {
  auto inventory = std::make_unique<NodeInventory>();
  for (int i = 0; i < kNodes; ++i) inventory->put(make_node(i, is_mixed));
  return inventory;
}

Json plain_spec() {
  return {
      {"containers", {{{"name", "code-executor"}, {"image", "i"}}}},
      {"tolerations",
       {{{"key", "node.kubernetes.io/not-ready"}, {"operator", "Exists"}, {"effect", "NoExecute"}},
        {{"key", "node.kubernetes.io/unreachable"},
         {"operator", "Exists"},
         {"effect", "NoExecute"}}}}};
}

/// A pod that says much of nodes.
Json choosy_spec() {
  Json spec = plain_spec();
  spec["nodeSelector"] = {{"kubernetes.io/os", "linux"}, {"example.com/some-label-11", "value-1"}};
  spec["tolerations"].push_back({{"key", "dedicated"}, {"value", "team-1"}});
  spec["affinity"] = Json::parse(R"({"nodeAffinity":
      {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
          {"matchExpressions": [
              {"key": "example.com/some-label-15", "operator": "In", "values": ["value-1", "value-3"]},
              {"key": "example.com/some-label-20", "operator": "Exists"}]},
          {"matchExpressions": [
              {"key": "example.com/some-label-39", "operator": "NotIn", "values": ["value-7"]}]}]}}})");
  return spec;
}

/// A pod that says what costs most, as often as it is judged.
Json greedy_spec() {
  Json expressions = Json::array();
  for (int i = 0; i < static_cast<int>(kMostComparisons); ++i) {
    expressions.push_back(
        {{"key", "example.com/number"}, {"operator", "Gt"}, {"values", {std::to_string(-i)}}});
  }
  Json spec = plain_spec();
  spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
      ["nodeSelectorTerms"] = {{{"matchExpressions", std::move(expressions)}}};
  return spec;
}

std::string make_review(const Json& spec) {
  return Json{{"apiVersion", "admission.k8s.io/v1"},
              {"kind", "AdmissionReview"},
              {"request",
               {{"uid", "0"},
                {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
                {"operation", "CREATE"},
                {"object", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", spec}}}}}}
      .dump();
}

enum class Cluster { kNotKnown, kPools, kMixed };

void review_of(const Json& spec, benchmark::State& state, Cluster kind) {
  const std::string body = make_review(spec);
  Policy policy;
  policy.profile = {.bytes = "{}", .sha256 = std::string(64, 'a')};
  const Sandbox sandbox = make_sandbox(policy);
  ClusterState cluster{.version = {1, 34}};
  if (kind != Cluster::kNotKnown)
    cluster.nodes = make_inventory(kind == Cluster::kMixed)->snapshot();
  JsonParser parser;
  for (auto _ : state) {
    const auto reviewed = review(parser, body, sandbox, cluster);
    if (!reviewed || reviewed->outcome != Outcome::kSandboxed) state.SkipWithError("not sandboxed");
    benchmark::DoNotOptimize(reviewed->wire.data());
  }
}

// BENCHMARK_CAPTURE makes a name of the function's: it takes no template.
void review_of_plain(benchmark::State& state, Cluster kind) {
  review_of(plain_spec(), state, kind);
}
void review_of_choosy(benchmark::State& state, Cluster kind) {
  review_of(choosy_spec(), state, kind);
}
void review_of_greedy(benchmark::State& state, Cluster kind) {
  review_of(greedy_spec(), state, kind);
}

void snapshot_after_a_change(benchmark::State& state) {
  const auto inventory = make_inventory(false);
  ClusterNode node = make_node(0, false);
  for (auto _ : state) {
    node.labels.back().second = node.labels.back().second == "a" ? "b" : "a";
    inventory->put(node);
    benchmark::DoNotOptimize(inventory->snapshot());
  }
}

void put_without_a_change(benchmark::State& state) {
  const auto inventory = make_inventory(false);
  const ClusterNode node = make_node(0, false);
  for (auto _ : state) benchmark::DoNotOptimize(inventory->put(node));
}

std::size_t in_use() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

/// An inventory with its snapshot, and the one before it, which a review may still hold.
void memory(benchmark::State& state) {
  for (auto _ : state) {
    const std::size_t before = in_use();
    const auto inventory = make_inventory(false);
    const auto first = inventory->snapshot();
    inventory->remove(first->name_of(0));
    const auto second = inventory->snapshot();
    state.counters["bytes"] = static_cast<double>(in_use() - before);
  }
}

BENCHMARK_CAPTURE(review_of_plain, no_nodes, Cluster::kNotKnown);
BENCHMARK_CAPTURE(review_of_plain, pools, Cluster::kPools);
BENCHMARK_CAPTURE(review_of_plain, mixed, Cluster::kMixed);
BENCHMARK_CAPTURE(review_of_choosy, no_nodes, Cluster::kNotKnown);
BENCHMARK_CAPTURE(review_of_choosy, pools, Cluster::kPools);
BENCHMARK_CAPTURE(review_of_choosy, mixed, Cluster::kMixed);
BENCHMARK_CAPTURE(review_of_greedy, no_nodes, Cluster::kNotKnown);
BENCHMARK_CAPTURE(review_of_greedy, pools, Cluster::kPools);
BENCHMARK(put_without_a_change);
BENCHMARK(snapshot_after_a_change)->Unit(benchmark::kMillisecond);
BENCHMARK(memory)->Iterations(1);

}  // namespace
}  // namespace webhook

BENCHMARK_MAIN();
