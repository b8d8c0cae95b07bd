// What becomes of pods because of nodes, by whole reviews.
#include "admission/placement.h"

#include <doctest/doctest.h>

#include "support/nodes.h"
#include "support/reviews.h"

namespace webhook {
namespace {

using Json = nlohmann::json;

constexpr const char* kMark = "code-executor-webhook/node-affinity";
const Json kNotB =
    Json::parse(R"({"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["b"]})");
const Json kNotC =
    Json::parse(R"({"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["c"]})");
const Json kSsd = Json::parse(R"({"key": "disk", "operator": "In", "values": ["ssd"]})");
const Json kNamed =
    Json::parse(R"({"key": "metadata.name", "operator": "NotIn", "values": ["x"]})");

const Json kOnlyB = Json::parse(
    R"({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]})");

ClusterState cluster_of(const std::vector<Json>& nodes) {
  return {.version = {1, 34}, .nodes = snapshot_of(nodes)};
}

const ClusterState kMixed =
    cluster_of({good_node("a", {{"disk", "ssd"}}), bad_node("b", {{"disk", "ssd"}})});

struct Came {
  Json pod;
  Reviewed reviewed;
};

/// The pod as it comes out, after a second review has changed nothing.
Came come_out(const Json& pod, const ClusterState& cluster,
              const Sandbox& sandbox = small_sandbox()) {
  auto first = review(to_review(pod).dump(), sandbox, cluster);
  REQUIRE(first);
  const Json out = pod.patch(to_operations(first->patch));
  const auto second = review(to_review(out).dump(), sandbox, cluster);
  REQUIRE(second);
  CHECK(second->patch.to_json() == "[]");
  return {out, std::move(*first)};
}

Json pod_with(const Json& affinity) {
  Json pod = plain_pod();
  if (!affinity.is_discarded()) pod["spec"]["affinity"] = affinity;
  return pod;
}

Json requiring(const std::vector<Json>& terms) {
  return {{"nodeAffinity",
           {{"requiredDuringSchedulingIgnoredDuringExecution", {{"nodeSelectorTerms", terms}}}}}};
}

Json term(const std::vector<Json>& expressions) { return {{"matchExpressions", expressions}}; }

std::string mark_of(const Json& pod) {
  return pod["metadata"].value("annotations", Json::object()).value(kMark, "");
}

const Json kAbsent = Json(Json::value_t::discarded);

TEST_CASE("a pod is kept off bad nodes, whatever affinity it has") {
  Json both = requiring({term({kSsd})});
  both["podAntiAffinity"] = Json::object();
  Json out_of_both = requiring({term({kSsd, kNotB})});
  out_of_both["podAntiAffinity"] = Json::object();
  const Json preferred = Json::parse(
      R"({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
          {"weight": 1, "preference": {"matchFields": []}}]}})");
  Json out_of_preferred = preferred;
  out_of_preferred["nodeAffinity"].update(requiring({term({kNotB})})["nodeAffinity"]);
  struct Row {
    Json affinity;
    Json want;
  };
  const Json fields = {{"matchFields", Json::array({kNamed})}};
  const Json out_of_fields = {{"matchFields", Json::array({kNamed})},
                              {"matchExpressions", Json::array({kNotB})}};
  const Json empty_list = {{"matchFields", Json::array({kNamed})},
                           {"matchExpressions", Json::array()}};
  for (const Row& row : {
           Row{kAbsent, requiring({term({kNotB})})},
           Row{nullptr, requiring({term({kNotB})})},
           Row{Json::object(), requiring({term({kNotB})})},
           Row{{{"nodeAffinity", nullptr}}, requiring({term({kNotB})})},
           Row{{{"nodeAffinity", Json::object()}}, requiring({term({kNotB})})},
           Row{both, out_of_both},
           Row{preferred, out_of_preferred},
           Row{requiring({term({kSsd}), term({kSsd, kSsd})}),
               requiring({term({kSsd, kNotB}), term({kSsd, kSsd, kNotB})})},
           // An empty term matches nothing, and stays so.
           Row{requiring({Json::object(), term({kSsd}), term({})}),
               requiring({Json::object(), term({kSsd, kNotB}), term({})})},
           Row{requiring({fields}), requiring({out_of_fields})},
           Row{requiring({empty_list}), requiring({out_of_fields})},
           // What is there already is not written again.
           Row{requiring({term({kSsd}), term({kNotB})}),
               requiring({term({kSsd, kNotB}), term({kNotB})})},
       }) {
    CAPTURE(row.want.dump());
    const auto [pod, reviewed] = come_out(pod_with(row.affinity), kMixed);
    CHECK(pod["spec"]["affinity"] == row.want);
    CHECK(mark_of(pod) == "kubernetes.io/hostname notin (b)");
    CHECK(reviewed.outcome == Outcome::kSandboxed);
    CHECK(reviewed.warnings.empty());
  }
}

TEST_CASE("the affinity of a pod that is on no bad node's way is not touched") {
  struct Row {
    Json spec;
    ClusterState cluster;
  };
  const ClusterState bad = cluster_of({bad_node("b")});
  for (const Row& row : {
           Row{Json::object(), cluster_of({good_node("a")})},
           Row{Json::object(), {.version = {1, 34}}},
           Row{{{"nodeName", "a"}}, kMixed},
           Row{{{"nodeName", "b"}}, kMixed},  // it is there, or nowhere
           Row{{{"nodeSelector", {{"disk", "hdd"}}}}, kMixed},
           Row{{{"affinity", requiring({kOnlyB})}}, kMixed},
           Row{{{"affinity", requiring({term({kNotB})})}}, kMixed},
           Row{{{"affinity", requiring({Json::object()})}}, kMixed},
           Row{Json::object(), bad},
       }) {
    Json pod = plain_pod();
    pod["spec"].update(row.spec);
    CAPTURE(pod.dump());
    const Came came = come_out(pod, row.cluster);
    CHECK(came.reviewed.outcome == Outcome::kSandboxed);
    CHECK(came.pod["spec"].value("affinity", Json()) == pod["spec"].value("affinity", Json()));
    CHECK(mark_of(came.pod) == "");
  }
}

TEST_CASE("who creates a pod is told where nodes are against it") {
  const auto warning = [](const Json& spec, const ClusterState& cluster) {
    Json pod = plain_pod();
    pod["spec"].update(spec);
    const auto warnings = come_out(pod, cluster).reviewed.warnings;
    REQUIRE(warnings.size() <= 1);
    if (!warnings.empty()) CHECK(warnings[0].size() <= kMaxWarningLength);
    return warnings.empty() ? "" : warnings[0];
  };
  CHECK(warning(Json::object(), kMixed) == "");
  CHECK(warning(Json::object(), {.version = {1, 34}}) == "");
  CHECK(warning(Json::object(), cluster_of({})) ==
        "there is no node now that the pod may go to: it waits until one comes");
  CHECK(warning({{"nodeName", "b"}}, kMixed) ==
        "no node that the pod may go to can run it: b: kernel 5.15.0-130-generic is older than "
        "6.3");
  CHECK(warning(Json::object(), cluster_of({bad_node(std::string(60, 'n'))})) ==
        "no node that the pod may go to can run it: kernel 5.15.0-130-generic is older than 6.3");
  // Nothing keeps it off, by label.
  const Labels karpenter = {{"karpenter.k8s.aws/instance-family", "m5"}};
  CHECK(warning(Json::object(), cluster_of({good_node("a", karpenter), bad_node("b")})) ==
        "the pod may go to nodes that cannot run it (docs/nodes.md): b");
  std::vector<Json> many = {good_node("a", karpenter)};
  for (int i = 0; i < 12; ++i) many.push_back(bad_node("node-of-some-pool-" + std::to_string(i)));
  CHECK(warning(Json::object(), cluster_of(many)) ==
        "the pod may go to nodes that cannot run it (docs/nodes.md): node-of-some-pool-0, "
        "node-of-some-pool-1 and 10 more");
  // What a node says of itself is text of others.
  Json hostile = bad_node("b");
  hostile["status"]["nodeInfo"]["kernelVersion"] = "5.4\n\x1b[31m" + std::string(200, 'x');
  CHECK(warning(Json::object(), cluster_of({hostile}))
            .starts_with("no node that the pod may go to can run it: kernel 5.4??[31mxxx"));
}

/// The pod as a controller makes the next one of it: what was injected came back.
TEST_CASE("what an earlier review wrote is known again, and renewed") {
  const ClusterState other = cluster_of({good_node("a"), bad_node("c")});
  const ClusterState good = cluster_of({good_node("a")});
  const ClusterState bad = cluster_of({bad_node("c")});
  const ClusterState none = cluster_of({});
  struct Row {
    Json affinity;
    Json other;  ///< After a review where c is bad, not b.
    Json good;   ///< After one where no node is.
  };
  const Json preferred =
      Json::parse(R"({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}})");
  Json preferred_other = preferred;
  preferred_other["nodeAffinity"].update(requiring({term({kNotC})})["nodeAffinity"]);
  const Json pods = {{"podAffinity", Json::object()}};
  Json pods_other = requiring({term({kNotC})});
  pods_other["podAffinity"] = Json::object();
  const Json fields = {{"matchFields", Json::array({kNamed})}};
  const Json fields_other = {{"matchFields", Json::array({kNamed})},
                             {"matchExpressions", Json::array({kNotC})}};
  const Json fields_good = {{"matchFields", Json::array({kNamed})},
                            {"matchExpressions", Json::array()}};
  for (const Row& row : {
           Row{kAbsent, requiring({term({kNotC})}), nullptr},
           Row{preferred, preferred_other, preferred},
           Row{pods, pods_other, pods},
           Row{requiring({term({kNotC, kNotC})}), requiring({term({kNotC, kNotC})}),
               requiring({term({kNotC, kNotC})})},
           Row{requiring({fields}), requiring({fields_other}), requiring({fields_good})},
       }) {
    const Json first = come_out(pod_with(row.affinity), kMixed).pod;
    CAPTURE(first["spec"]["affinity"].dump());
    REQUIRE(mark_of(first) == "kubernetes.io/hostname notin (b)");
    const bool has_not_c = row.other == row.good;
    const Json renewed = come_out(first, other).pod;
    CHECK(renewed["spec"]["affinity"] == row.other);
    CHECK(mark_of(renewed) == (has_not_c ? "" : "kubernetes.io/hostname notin (c)"));
    for (const ClusterState& cluster : {good, bad, none}) {
      const Json without = come_out(first, cluster).pod;
      CHECK(without["spec"].value("affinity", Json()) == row.good);
      CHECK_FALSE(without["metadata"]["annotations"].contains(kMark));
    }
    // Who does not know the nodes leaves it as it is.
    CHECK(come_out(first, {.version = {1, 34}}).pod == first);
  }
}

TEST_CASE("a requirement without its mark, or with another one, is somebody's") {
  for (const char* mark : {"", "kubernetes.io/hostname notin (a)", "topology notin (b)", "?"}) {
    Json pod = pod_with(requiring({term({kSsd, kNotB})}));
    pod["metadata"]["annotations"] = {{kMark, mark}};
    const Json out = come_out(pod, kMixed).pod;
    CHECK(out["spec"]["affinity"] == pod["spec"]["affinity"]);
    CHECK_FALSE(out["metadata"]["annotations"].contains(kMark));
  }
  // Only what a review can write is ever taken out.
  Json pod = pod_with(requiring(
      {term({kSsd, Json::parse(R"({"key": "zone", "operator": "NotIn", "values": ["b"]})")})}));
  pod["metadata"]["annotations"] = {{kMark, "zone notin (b)"}};
  CHECK(
      come_out(pod, kMixed)
          .pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
              ["nodeSelectorTerms"][0]["matchExpressions"][1]["key"] == "zone");
}

TEST_CASE("a mark that is longer than any is replaced") {
  Json pod = plain_pod();
  pod["metadata"]["annotations"] = {{kMark, std::string(kMaxAffinityAnnotation + 1, 'a')}};
  CHECK(mark_of(come_out(pod, kMixed).pod) == "kubernetes.io/hostname notin (b)");
}

TEST_CASE("a term of ours beside terms of others stays where nothing is wanted") {
  Json pod = come_out(pod_with(kAbsent), kMixed).pod;
  pod["spec"]["affinity"] = requiring({term({kNotB}), term({kSsd})});
  const Json out = come_out(pod, cluster_of({good_node("a")})).pod;
  CHECK(out["spec"]["affinity"] == requiring({term({kNotB}), term({kSsd})}));
  CHECK(mark_of(out) == "kubernetes.io/hostname notin (b)");
  const Json renewed = come_out(pod, cluster_of({good_node("a"), bad_node("c")})).pod;
  CHECK(renewed["spec"]["affinity"] == requiring({term({kNotC}), term({kSsd, kNotC})}));
}

TEST_CASE("duplicates of what was written are taken out with it") {
  Json pod = come_out(pod_with(requiring({term({kSsd})})), kMixed).pod;
  pod["spec"]["affinity"] = requiring({term({kNotB, kSsd, kNotB, kNotB})});
  const ClusterState other =
      cluster_of({good_node("a", {{"disk", "ssd"}}), bad_node("c", {{"disk", "ssd"}})});
  CHECK(come_out(pod, other).pod["spec"]["affinity"] == requiring({term({kNotC, kSsd})}));
}

TEST_CASE("a pod of more terms than are edited is told") {
  std::vector<Json> terms;
  for (std::size_t i = 0; i < kMostTerms; ++i) terms.push_back(term({kSsd}));
  CHECK(mark_of(come_out(pod_with(requiring(terms)), kMixed).pod) != "");
  terms.push_back(term({kSsd}));
  const Came came = come_out(pod_with(requiring(terms)), kMixed);
  CHECK(came.pod["spec"]["affinity"] == requiring(terms));
  CHECK(came.reviewed.warnings ==
        std::vector<std::string>{"the pod may go to nodes that cannot run it (docs/nodes.md): b"});
}

TEST_CASE("row 15 is asked for, and a pod that insists is denied") {
  const ClusterState bad = cluster_of({bad_node("b")});
  Policy policy = small_policy();
  policy.node_fallback = Fallback::kPrivileged;
  const Sandbox sandbox = make_sandbox(policy);
  CHECK(come_out(plain_pod(), bad, sandbox).reviewed.outcome == Outcome::kPrivileged);
  CHECK(come_out(plain_pod(), kMixed, sandbox).reviewed.outcome == Outcome::kSandboxed);
  const Json ours = come_out(plain_pod(), kMixed, sandbox).pod;
  const auto again = review(to_review(ours).dump(), sandbox, bad);
  REQUIRE(again);
  CHECK(again->outcome == Outcome::kDenied);
  CHECK(again->reason == Reason::kNoCapableNode);
  CHECK(again->warnings ==
        std::vector<std::string>{
            "code-executor is refused, not sandboxed: no node that it may go to can run it "
            "(no_capable_node)",
            "no node that the pod may go to can run it: b: kernel 5.15.0-130-generic is older than "
            "6.3"});
}

// What would make good nodes bad.

TEST_CASE("RHEL 9's kernel is older by its number, and not bad") {
  Json node = good_node("a");
  node["status"]["nodeInfo"]["kernelVersion"] = "5.14.0-427.13.1.el9_4.x86_64";
  Policy policy = small_policy();
  policy.node_fallback = Fallback::kPrivileged;
  const Came came = come_out(plain_pod(), cluster_of({node}), make_sandbox(policy));
  CHECK(came.reviewed.outcome == Outcome::kSandboxed);
  CHECK(came.reviewed.warnings.empty());
}

TEST_CASE("a good node that reboots is there beside bad ones") {
  Json rebooting = good_node("a");
  rebooting["spec"] = {{"unschedulable", true},
                       {"taints",
                        {{{"key", "node.kubernetes.io/not-ready"}, {"effect", "NoExecute"}},
                         {{"key", "node.kubernetes.io/unschedulable"}, {"effect", "NoSchedule"}}}}};
  const Came came = come_out(plain_pod(), cluster_of({rebooting, bad_node("b")}));
  CHECK(came.reviewed.outcome == Outcome::kSandboxed);
  CHECK(mark_of(came.pod) == "kubernetes.io/hostname notin (b)");
}

TEST_CASE("a pool at zero beside a bad one is not ruled out, and nothing becomes privileged") {
  const char* pool = "cloud.google.com/gke-nodepool";
  const ClusterState cluster = cluster_of({bad_node("b", {{pool, "old"}})});
  Json pod = plain_pod();
  const Came any = come_out(pod, cluster);
  CHECK(any.reviewed.outcome == Outcome::kSandboxed);
  CHECK(mark_of(any.pod) == "");
  pod["spec"]["nodeSelector"] = {{pool, "new"}};  // the one at zero
  Policy policy = small_policy();
  policy.node_fallback = Fallback::kPrivileged;
  CHECK(come_out(pod, cluster, make_sandbox(policy)).reviewed.outcome == Outcome::kSandboxed);
}

TEST_CASE("the DaemonSet controller's affinity to one node is left alone") {
  const Json to_b = requiring({kOnlyB});
  const Came came = come_out(pod_with(to_b), kMixed);
  CHECK(came.pod["spec"]["affinity"] == to_b);
  CHECK(came.reviewed.warnings.size() == 1);
}

TEST_CASE("a handler without user namespaces is bad for the pods of its RuntimeClass only") {
  Json node = good_node("b");
  node["status"]["runtimeHandlers"].push_back(
      {{"name", "runsc"}, {"features", {{"userNamespaces", false}}}});
  const ClusterState cluster = cluster_of(
      {good_node("a"),
       node,
       {{"kind", "RuntimeClass"}, {"metadata", {{"name", "gvisor"}}}, {"handler", "runsc"}}});
  CHECK(mark_of(come_out(plain_pod(), cluster).pod) == "");
  Json pod = plain_pod();
  pod["spec"]["runtimeClassName"] = "gvisor";
  CHECK(mark_of(come_out(pod, cluster).pod) == "kubernetes.io/hostname notin (b)");
}

}  // namespace
}  // namespace webhook
