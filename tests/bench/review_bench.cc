// What one review costs, by the size of its body: ours, and nlohmann's DOM with the few members
// read that any webhook reads. The pod grows by what nobody reads (managedFields) or by env
// entries.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "admission/admission.h"
#include "admission/sandbox.h"

namespace {

using Json = nlohmann::json;

Json make_pod() {
  return {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata",
       {{"name", "p"}, {"labels", {{"app", "code-executor"}}}, {"annotations", {{"a", "b"}}}}},
      {"spec",
       {{"containers", {{{"name", "code-executor"}, {"image", "i"}, {"env", Json::array()}}}}}}};
}

Json make_review(Json pod) {
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "0"},
            {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
            {"resource", {{"group", ""}, {"version", "v1"}, {"resource", "pods"}}},
            {"operation", "CREATE"},
            {"namespace", "n"},
            {"object", std::move(pod)}}}};
}

std::string with_managed_fields(std::size_t size) {
  Json pod = make_pod();
  Json& fields = pod["metadata"]["managedFields"];
  while (make_review(Json()).dump().size() + fields.size() * 190 < size) {
    fields.push_back(
        {{"manager", "kube-controller-manager"},
         {"operation", "Update"},
         {"time", "2026-01-01T00:00:00Z"},
         {"fieldsV1",
          {{"f:spec", {{"f:containers", {{"k:{\"name\":\"c\"}", {{".", Json::object()}}}}}}}}}});
  }
  return make_review(std::move(pod)).dump();
}

std::string with_env(std::size_t size) {
  Json pod = make_pod();
  Json& env = pod["spec"]["containers"][0]["env"];
  while (env.size() * 60 < size) {
    env.push_back(
        {{"name", "VARIABLE_" + std::to_string(env.size())}, {"value", "a value of some length"}});
  }
  return make_review(std::move(pod)).dump();
}

void count_bytes(benchmark::State& state, const std::string& body) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
  state.counters["body"] = static_cast<double>(body.size());
}

template <std::string (*make_body)(std::size_t)>
void ours(benchmark::State& state) {
  const std::string body = make_body(static_cast<std::size_t>(state.range(0)));
  webhook::Policy policy;
  policy.profile = {.bytes = "{}", .sha256 = std::string(64, 'a')};
  const webhook::Sandbox sandbox = webhook::make_sandbox(policy);
  const webhook::ClusterState cluster{.version = {1, 34}};
  webhook::JsonParser parser;
  for (auto _ : state) {
    const auto reviewed = webhook::review(parser, body, sandbox, cluster);
    if (!reviewed || reviewed->outcome != webhook::Outcome::kSandboxed)
      state.SkipWithError("not sandboxed");
    benchmark::DoNotOptimize(reviewed->wire.data());
  }
  count_bytes(state, body);
}

template <std::string (*make_body)(std::size_t)>
void nlohmann_dom(benchmark::State& state) {
  const std::string body = make_body(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const Json review = Json::parse(body);
    benchmark::DoNotOptimize(review.at("request").at("object").at("spec").at("containers").size());
  }
  count_bytes(state, body);
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(6'000)->Arg(40'000)->Arg(1'000'000)->Arg(7'000'000)->Unit(benchmark::kMicrosecond);
}

BENCHMARK(ours<with_managed_fields>)->Apply(sizes);
BENCHMARK(nlohmann_dom<with_managed_fields>)->Apply(sizes);
BENCHMARK(ours<with_env>)->Apply(sizes);
BENCHMARK(nlohmann_dom<with_env>)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
