#!/usr/bin/python3
"""`explain` as a user runs it: on manifests, and against a small API server. Needs WEBHOOK_BINARY."""

import copy
import json
import os
import pathlib
import subprocess

import pytest
import yaml

from fake_cluster import BINDINGS, HOOKS, POLICY, FakeCluster
from fake_kube_apiserver import FakeApiServer
from webhook_server import BINARY

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = ROOT / "manifests/examples"
LABEL = {"telemetry.retool.com/service-name": "code-executor"}
PRIVILEGED = {"securityContext": {"privileged": True}}


def explain(*arguments, stdin="", code=0, **environment):
    """The finished command; fails unless it exits with `code`."""
    clean = {key: value for key, value in os.environ.items() if key not in ("HOME", "KUBECONFIG")}
    done = subprocess.run([BINARY, "explain", *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=60, check=False, env={**clean, **environment})
    assert done.returncode == code, done.stdout + done.stderr
    return done


def template(target=None, **labels):
    return {"metadata": {"labels": {**LABEL, **labels}},
            "spec": {"containers": [{"name": "code-executor", "image": "i", **(target or {})}]}}


def sandboxed(pod):
    """`pod` as the webhook leaves it."""
    manifest = {"apiVersion": "v1", "kind": "Pod", **pod}
    done = subprocess.run([BINARY, "mutate", "-f", "-", "-o", "json", "--kube-version", "1.34"], timeout=60, check=True,
                          input=json.dumps(manifest), capture_output=True, text=True)
    out = json.loads(done.stdout)
    return {"metadata": out["metadata"], "spec": out["spec"]}


def reference(kind, path, version="apps/v1"):
    return {"apiVersion": version, "kind": kind, "name": path.rsplit("/", 1)[1], "uid": path, "controller": True}


@pytest.fixture(name="server")
def serve(keys):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key") as server:
        yield server


@pytest.fixture(name="kubeconfig")
def write_kubeconfig(server, keys, tmp_path):
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "retool"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url, "certificate-authority": str(keys / "ca.crt")}}],
        "users": [{"name": "u", "user": {"token": "t"}}]}))
    return file


DEPLOYMENT = "/apis/apps/v1/namespaces/retool/deployments/code-executor"
REPLICAS = "/apis/apps/v1/namespaces/retool/replicasets/code-executor-1"
PODS = "/api/v1/namespaces/retool/pods"


@pytest.fixture(name="cluster")
def make_cluster(server):
    """The webhook as manifests/base installs it, and a Deployment of the chart with its ReplicaSet and two pods, of
    which the older one was there before the webhook."""
    cluster = FakeCluster(server)
    hooks = yaml.safe_load((ROOT / "manifests/base/mutating-webhook-configuration.yaml").read_text())
    hooks["webhooks"][0]["clientConfig"]["caBundle"] = "Cg=="
    cluster.add(HOOKS, kind="MutatingWebhookConfiguration", webhooks=hooks["webhooks"])
    cluster.add("/api/v1/namespaces/retool", metadata={"labels": {"kubernetes.io/metadata.name": "retool"}})
    cluster.add(DEPLOYMENT, apiVersion="apps/v1", kind="Deployment", spec={"template": template()})
    cluster.add(REPLICAS, apiVersion="apps/v1", kind="ReplicaSet", spec={"template": template()},
                metadata={"ownerReferences": [reference("Deployment", DEPLOYMENT)]})
    for name, pod, created in (("old", template(), "2026-01-01T00:00:00Z"),
                               ("new", sandboxed(template()), "2026-02-02T00:00:00Z")):
        cluster.add(f"{PODS}/{name}", spec={**pod["spec"], "nodeName": "node-1"},
                    metadata={**pod["metadata"], "creationTimestamp": created,
                              "ownerReferences": [reference("ReplicaSet", REPLICAS)]})
    other = {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "db"}]}}
    cluster.add("/api/v1/namespaces/other/pods/db", **other)
    return cluster


def one(kubeconfig, *arguments, **options):
    done = explain("-o", "json", "--kubeconfig", kubeconfig, *arguments, **options)
    return json.loads(done.stdout)["objects"]


# Manifests, without a cluster.


@pytest.mark.parametrize("file", sorted(EXAMPLES.iterdir()), ids=lambda file: file.name)
def test_it_says_of_each_example_what_mutate_does(file):
    said = json.loads(explain("-f", file, "--kube-version", "1.34", "-o", "json").stdout)["objects"][0]
    mutated = subprocess.run([BINARY, "mutate", "-f", file, "--kube-version", "1.34"], capture_output=True, text=True,
                             timeout=60, check=False).stderr
    assert f"{said['kind']} {said['namespace']}/{said['name']}: {said['outcome']} ({said['reason']})" in mutated
    assert "state" not in said and "created" not in said
    assert said["called"] == "depends"
    assert bool(said["toSandbox"]) == (said["outcome"] != "sandboxed")


def test_the_text_of_a_manifest():
    done = explain("-f", EXAMPLES / "deployment-chart-default.yaml", "-n", "x")
    lines = done.stdout.splitlines()
    assert lines[0] == "Deployment x/retool-code-executor"
    assert lines[1:4] == [
        "  decision    unchanged, explicit_security_context (row 8)",
        "  why         container 'code-executor' has privileged: true, as Retool's chart renders it unless told otherwise",
        "  to sandbox  label the pod code-executor-webhook/mode: sandbox, or set sandbox.replaceChartDefault: true"]
    assert lines[-5:] == [
        "  acts        depends",
        "  called      depends",
        "              MutatingWebhookConfiguration code-executor-webhook is not known (--kubeconfig asks a cluster for it)",
        "  policy      no",
        "              Kubernetes 1.34 serves no MutatingAdmissionPolicy of v1 (1.36 and later do)"]
    assert done.stderr.startswith("assuming Kubernetes 1.34")
    assert "\x1b" not in done.stdout


def test_a_manifest_is_judged_by_the_configuration_that_is_given(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("sandbox: {replaceChartDefault: true, fallback: deny}\n")
    said = json.loads(explain("-f", EXAMPLES / "deployment-chart-default.yaml", "-o", "json", "--config", config).stdout)
    assert said["objects"][0]["outcome"] == "sandboxed"
    said = json.loads(explain("-f", EXAMPLES / "deployment-chart-default.yaml", "-o", "json", "--config", config,
                              "--kube-version", "1.32").stdout)
    assert (said["objects"][0]["outcome"], said["objects"][0]["row"]) == ("denied", 9)


def test_a_file_without_pods_is_an_error(tmp_path):
    file = tmp_path / "service.yaml"
    file.write_text("{apiVersion: v1, kind: Service, metadata: {name: s}}\n")
    done = explain("-f", file, code=1)
    assert f"{file}: no pod and no workload (expected a manifest with one)" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--all",)])
@pytest.mark.parametrize(("text", "message"), [
    ("", "-: is empty (expected manifests; did the command before the pipe fail?)"),
    ("# none\n", "-: has no object, only comments (expected manifests; did the command before the pipe fail?)"),
    ("error: You must be logged in\n", "-:1:1: an object without apiVersion (expected an object of Kubernetes, with apiVersion and kind)"),
    ("hello\n", "-:1:1: a string (expected an object of Kubernetes, with apiVersion and kind)")])
def test_nothing_to_read_is_no_good_news(arguments, text, message):
    """Where kubectl failed, there was nothing to find."""
    done = explain(*arguments, "-f", "-", "--kube-version", "1.34", stdin=text, code=1)
    assert (done.stdout, done.stderr) == ("", f"code-executor-webhook: {message}\n")


def test_a_list_without_pods_is_a_cluster_without_them():
    done = explain("--all", "-f", "-", "--kube-version", "1.34", stdin="{apiVersion: v1, kind: List, items: []}")
    assert (done.stdout, done.stderr) == ("", "no code-executor pods\n")


def test_of_a_file_it_takes_the_pods_that_a_cluster_would_list():
    """Those that have not ended, and of one namespace where one is named."""
    pods = [{"apiVersion": "v1", "kind": "Pod", **template(PRIVILEGED), "status": {"phase": phase},
             "metadata": {"name": phase, "namespace": ns, "uid": phase + ns}}
            for phase in ("Running", "Succeeded", "Failed") for ns in ("a", "b")]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})

    def found(*arguments):
        done = explain("--all", "-f", "-", "--kube-version", "1.34", "-o", "json", *arguments, stdin=text, code=1)
        return [(pod["namespace"], pod["name"]) for pod in json.loads(done.stdout)["pods"]]

    assert found() == [("a", "Running"), ("b", "Running")]
    assert found("-n", "b") == [("b", "Running")]


def test_a_pod_that_cannot_be_read_is_named():
    done = explain("-f", "-", code=1, stdin="{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: x}}")
    assert "Pod default/p: request.object.spec.containers: is a string (expected a list)" in done.stderr


def test_what_kubectl_prints_is_enough(cluster):
    """The selectors, the labels of namespaces and the pods, from standard input."""
    objects = [{**each, "apiVersion": "v1", "kind": each.get("kind", "Pod" if "/pods/" in path else "Namespace")}
               for path, each in cluster.objects.items() if "/apps/" not in path]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    done = explain("--all", "-f", "-", "-o", "json", stdin=text, code=1)
    pods = {pod["name"]: pod for pod in json.loads(done.stdout)["pods"]}
    assert {name: (pod["state"], pod["called"]) for name, pod in pods.items()} == {
        "old": ("missed", "yes"), "new": ("sandboxed", "yes")}


# Objects that exist.


def test_a_deployment_with_its_pods(cluster, kubeconfig):
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert (said["kind"], said["outcome"], said["reason"], said["row"]) == ("Deployment", "sandboxed", "supported", 18)
    assert said["called"] == "yes"
    assert {pod["name"]: pod["state"] for pod in said["pods"]} == {"old": "missed", "new": "sandboxed"}
    (old,) = [pod for pod in said["pods"] if pod["name"] == "old"]
    assert old["note"] == "older than MutatingWebhookConfiguration code-executor-webhook, of 2026-02-01T00:00:00Z"
    text = explain("-n", "retool", "deployment", "code-executor", "--kubeconfig", kubeconfig).stdout
    assert "  pods        2 running or about to\n    old: missed on node-1 (older than " in text
    assert "    new: sandboxed on node-1\n" in text


def test_a_pod_with_its_owners_and_what_the_next_one_would_be(cluster, kubeconfig):
    pod, workload = one(kubeconfig, "pod/new")
    assert (pod["state"], pod["outcome"], pod["reason"]) == ("sandboxed", "unchanged", "already_sandboxed")
    assert pod["owners"] == ["ReplicaSet code-executor-1", "Deployment code-executor"]
    assert (workload["kind"], workload["outcome"]) == ("Deployment", "sandboxed")
    assert "pods" not in pod and "pods" not in workload


def test_an_owner_that_is_gone_or_of_another_type_is_named(cluster, kubeconfig):
    replicas = cluster.objects[REPLICAS]["metadata"]["ownerReferences"]
    replicas[0] = reference("Rollout", "/x/rollout-1", "argoproj.io/v1alpha1")
    pod, workload = one(kubeconfig, "pod/new")
    assert pod["owners"] == ["ReplicaSet code-executor-1", "Rollout rollout-1 (not read)"]
    assert workload["kind"] == "ReplicaSet"
    cluster.objects[f"{PODS}/new"]["metadata"]["ownerReferences"][0]["uid"] = "another"
    (pod,) = one(kubeconfig, "pod/new")
    assert pod["owners"] == ["ReplicaSet code-executor-1 (not read)"]


def test_owners_that_own_each_other_end(cluster, kubeconfig):
    cluster.objects[DEPLOYMENT]["metadata"]["ownerReferences"] = [reference("ReplicaSet", REPLICAS)]
    assert len(one(kubeconfig, "pod/new")[0]["owners"]) == 8


def test_a_cron_job_with_the_pods_of_its_jobs(cluster, kubeconfig):
    cron, job = (f"/apis/batch/v1/namespaces/retool/{name}" for name in ("cronjobs/nightly", "jobs/nightly-1"))
    cluster.add(cron, apiVersion="batch/v1", kind="CronJob", spec={"jobTemplate": {"spec": {"template": template()}}})
    cluster.add(job, apiVersion="batch/v1", kind="Job", spec={"template": template()},
                metadata={"ownerReferences": [reference("CronJob", cron, "batch/v1")]})
    cluster.add(f"{PODS}/nightly-1-a", **{**template(), "metadata": {"labels": LABEL, "ownerReferences": [
        reference("Job", job, "batch/v1")]}})
    (said,) = one(kubeconfig, "cj/nightly")
    assert [pod["name"] for pod in said["pods"]] == ["nightly-1-a"]


@pytest.mark.parametrize(("change", "called", "why"), [
    (lambda hook: hook["objectSelector"]["matchLabels"].update(team="x"), "no",
     "objectSelector: label team is missing (expected 'x')"),
    (lambda hook: hook["namespaceSelector"]["matchExpressions"][0]["values"].append("retool"), "no",
     "namespaceSelector: label kubernetes.io/metadata.name is 'retool'"),
    (lambda hook: hook.update(matchConditions=[{"name": "mine", "expression": "has(object.x)"}]), "depends",
     "if its matchConditions, which are not evaluated here, are true; mine: has(object.x)"),
    (lambda hook: hook["rules"][0].update(operations=["UPDATE"]), "no", "no rule of it takes the creation of pods"),
    (lambda hook: hook.update(failurePolicy="Ignore"), "yes", "failurePolicy Ignore: without it the pod is created as"),
], ids=["object", "namespace", "conditions", "rules", "policy"])
def test_whether_the_webhook_is_called(cluster, kubeconfig, change, called, why):
    change(cluster.objects[HOOKS]["webhooks"][0])
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert said["called"] == called
    assert why in said["calledWhy"][0]


def test_a_cluster_without_the_webhook(cluster, kubeconfig):
    del cluster.objects[HOOKS]
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert (said["called"], said["calledWhy"]) == (
        "no", ["there is no MutatingWebhookConfiguration code-executor-webhook: the webhook is not installed"])


def test_a_manifest_is_judged_by_the_cluster_that_is_given(cluster, kubeconfig):
    cluster.version = "v1.32.3"
    (said,) = one(kubeconfig, "-f", EXAMPLES / "deployment.yaml")
    assert (said["outcome"], said["reason"], said["called"]) == ("privileged", "cluster_too_old", "yes")
    assert said["namespace"] == "retool"
    (said,) = one(kubeconfig, "-f", EXAMPLES / "deployment.yaml", "--kube-version", "1.34")
    assert said["outcome"] == "sandboxed"


# Who acts: the webhook, the policy, both or neither.


def install_policy(cluster, **binding):
    """The policy that `policy` prints by default, and its binding; the cluster is one that serves them."""
    policies = yaml.safe_load_all((ROOT / "manifests/overlays/policy/policies.yaml").read_text())
    made = {each["kind"]: each["spec"] for each in policies if each["metadata"]["name"] == "code-executor-webhook"}
    cluster.version = "v1.37.2"
    cluster.add(POLICY, kind="MutatingAdmissionPolicy", spec=made["MutatingAdmissionPolicy"],
                metadata={"creationTimestamp": "2026-01-10T00:00:00Z"})
    cluster.add(f"{BINDINGS}/code-executor-webhook", metadata={"creationTimestamp": "2026-01-15T00:00:00Z"},
                kind="MutatingAdmissionPolicyBinding", spec={**made["MutatingAdmissionPolicyBinding"], **binding})


def acting(said):
    return said["acts"], said["called"], said["policy"]


def test_both_installations_act(cluster, kubeconfig):
    install_policy(cluster)
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert acting(said) == ("both", "yes", "yes")
    assert said["policyWhy"] == [
        "code-executor-webhook: failurePolicy Fail: where it cannot be evaluated the pod is refused"]
    text = explain("deploy/code-executor", "--kubeconfig", kubeconfig).stdout
    assert ("  acts        both, the policy first\n  called      yes\n              sandbox.code-executor-webhook.io: "
            "failurePolicy Fail: without it the pod is refused\n  policy      yes\n              code-executor-webhook: "
            "failurePolicy Fail: where it cannot be evaluated the pod is refused\n") in text


@pytest.mark.parametrize(("has_webhook", "has_policy", "acts"), [
    (True, True, "both"), (True, False, "webhook"), (False, True, "policy"), (False, False, "neither")])
def test_who_acts_is_who_is_installed(cluster, kubeconfig, has_webhook, has_policy, acts):
    install_policy(cluster)
    if not has_webhook:
        del cluster.objects[HOOKS]
    if not has_policy:
        del cluster.objects[POLICY]
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert acting(said) == (acts, "yes" if has_webhook else "no", "yes" if has_policy else "no")
    if not has_policy:
        assert said["policyWhy"] == ["there is no MutatingAdmissionPolicy code-executor-webhook: the policy is not installed"]
    done = explain("--all", "--kubeconfig", kubeconfig, code=1)
    assert {line.split("\t")[4] for line in done.stdout.splitlines()} == {"ACTS", acts}


@pytest.mark.parametrize(("change", "policy", "why"), [
    (lambda policy, _: policy["matchConstraints"]["objectSelector"]["matchLabels"].update(team="x"), "no",
     "objectSelector: label team is missing (expected 'x')"),
    (lambda policy, _: policy["matchConstraints"]["namespaceSelector"]["matchExpressions"][0]["values"].append("retool"),
     "no", "namespaceSelector: label kubernetes.io/metadata.name is 'retool'"),
    (lambda policy, _: policy.update(matchConditions=[{"name": "mine", "expression": "has(object.x)"}]), "depends",
     "if its matchConditions, which are not evaluated here, are true; mine: has(object.x)"),
    (lambda _, binding: binding.update(matchResources={"namespaceSelector": {"matchLabels": {"team": "x"}}}), "no",
     "matchResources of its binding: namespaceSelector: label team is missing (expected 'x')"),
    (lambda _, binding: binding.update(policyName="another"), "no",
     "no MutatingAdmissionPolicyBinding binds MutatingAdmissionPolicy code-executor-webhook: without one it does nothing"),
    (lambda policy, binding: (policy.update(paramKind={"apiVersion": "v1", "kind": "ConfigMap"}), binding.update(
        paramRef={"name": "p", "namespace": "n", "parameterNotFoundAction": "Deny"})), "yes", "without its param n/p the pod is refused"),
], ids=["object", "namespace", "conditions", "binding", "unbound", "param"])
def test_whether_the_policy_is_evaluated(cluster, kubeconfig, change, policy, why):
    install_policy(cluster)
    change(cluster.objects[POLICY]["spec"], cluster.objects[f"{BINDINGS}/code-executor-webhook"]["spec"])
    (said,) = one(kubeconfig, "deploy/code-executor")
    # The webhook acts all the same: that is certain.
    assert acting(said) == ("both" if policy == "yes" else "webhook", "yes", policy)
    assert why in said["policyWhy"][0]
    del cluster.objects[HOOKS]
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert said["acts"] == {"yes": "policy", "no": "neither", "depends": "depends"}[policy]


def test_an_older_cluster_is_not_asked_for_policies(cluster, kubeconfig, server):
    install_policy(cluster)
    cluster.version = "v1.35.1"
    cluster.refused |= {POLICY, BINDINGS}
    done = explain("-o", "json", "--kubeconfig", kubeconfig, "deploy/code-executor")
    (said,) = json.loads(done.stdout)["objects"]
    assert (acting(said), done.stderr) == (("webhook", "yes", "no"), "")
    assert said["policyWhy"] == ["Kubernetes 1.35 serves no MutatingAdmissionPolicy of v1 (1.36 and later do)"]
    assert not [request for request in server.requests() if "policies" in request.path]


def test_a_version_that_the_configuration_fixes_hides_no_policy(cluster, kubeconfig):
    """It is the decision's; the cluster has its own."""
    install_policy(cluster)
    (said,) = one(kubeconfig, "deploy/code-executor", "--kube-version", "1.32")
    assert (said["outcome"], said["reason"], acting(said)) == ("denied", "cluster_too_old", ("both", "yes", "yes"))
    assert said["row"] == 6 and "label" not in said["why"]
    del cluster.objects[HOOKS]
    (said,) = one(kubeconfig, "deploy/code-executor", "--kube-version", "1.32")
    assert (said["outcome"], acting(said)) == ("sandboxed", ("policy", "no", "yes"))


@pytest.mark.parametrize(("refused", "why"), [
    (POLICY, "MutatingAdmissionPolicy code-executor-webhook cannot be read"),
    (BINDINGS, "MutatingAdmissionPolicyBinding of code-executor-webhook cannot be read")])
def test_policies_that_are_forbidden_are_not_guessed(cluster, kubeconfig, server, refused, why):
    install_policy(cluster)
    cluster.refused.add(refused)
    done = explain("-o", "json", "--kubeconfig", kubeconfig, "deploy/code-executor")
    (said,) = json.loads(done.stdout)["objects"]
    assert (acting(said), said["policyWhy"]) == (("webhook", "yes", "depends"), [why])
    assert f"warning: GET {server.url}{refused}" in done.stderr and "status 403" in done.stderr
    del cluster.objects[HOOKS]
    assert one(kubeconfig, "deploy/code-executor")[0]["acts"] == "depends"


def test_a_policy_that_is_none_is_named(cluster, kubeconfig):
    install_policy(cluster)
    cluster.objects[POLICY]["spec"]["matchConstraints"]["objectSelector"] = 1
    done = explain("--kubeconfig", kubeconfig, "deploy/code-executor", code=1)
    assert "code-executor-webhook: spec.matchConstraints.objectSelector: not a label selector" in done.stderr


def test_of_all_pods_those_are_found_that_neither_looked_at(cluster, kubeconfig):
    """By their age: who was there first counts, and a policy from when it was bound."""
    install_policy(cluster)
    said = json.loads(explain("--all", "--kubeconfig", kubeconfig, "-o", "json", code=1).stdout)
    (old,) = [each for each in said["pods"] if each["state"] == "missed"]
    assert (old["name"], old["acts"]) == ("old", "both")
    assert old["note"] == "older than MutatingAdmissionPolicyBinding code-executor-webhook, of 2026-01-15T00:00:00Z"
    cluster.objects[f"{PODS}/old"]["metadata"]["labels"] = {}
    (old,) = [each for each in json.loads(explain("--all", "--kubeconfig", kubeconfig, "-o", "json", code=1).stdout)["pods"]
              if each["name"] == "old"]
    assert acting(old) == ("neither", "no", "no")


def test_a_policy_that_does_nothing_is_noticed(cluster, kubeconfig):
    """Its feature may be off, of which the objects say nothing."""
    install_policy(cluster)
    del cluster.objects[HOOKS]
    cluster.objects[f"{PODS}/old"]["metadata"]["creationTimestamp"] = "2026-03-03T00:00:00Z"
    (pod, _) = one(kubeconfig, "pod/old")
    assert (pod["state"], pod["note"]) == (
        "missed", "the policy did not act: feature or admission plugin MutatingAdmissionPolicy may be off, or its "
                  "configuration another")
    assert "note" not in one(kubeconfig, "pod/new")[0]


def test_a_pod_is_older_than_what_would_act_on_it(cluster, kubeconfig):
    """Not than a webhook of before that looks at other namespaces."""
    install_policy(cluster)
    cluster.objects[HOOKS]["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z"
    cluster.objects[HOOKS]["webhooks"][0]["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": "other"}}
    cluster.objects[POLICY]["metadata"]["creationTimestamp"] = "2027\x1b[31m\nacts"
    (pod, _) = one(kubeconfig, "pod/old")
    assert (pod["state"], pod["acts"]) == ("missed", "policy")
    assert pod["note"].startswith("older than MutatingAdmissionPolicyBinding code-executor-webhook, of 2027")
    assert "\x1b" not in pod["note"] and "\n" not in pod["note"]


def test_bindings_of_other_policies_among_documents_leave_ours_to_the_cluster(cluster, kubeconfig):
    install_policy(cluster)
    other = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
             "metadata": {"name": "other"}, "spec": {"policyName": "other"}}
    pod = {**cluster.objects[f"{PODS}/new"], "apiVersion": "v1", "kind": "Pod"}
    done = explain("-f", "-", "-o", "json", "--kubeconfig", kubeconfig, stdin=json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [other, pod]}))
    (said,) = json.loads(done.stdout)["objects"]
    assert acting(said) == ("both", "yes", "yes")


def test_nulls_of_a_binding_are_as_if_they_were_not_there(cluster, kubeconfig):
    install_policy(cluster)
    cluster.objects[f"{BINDINGS}/code-executor-webhook"]["spec"].update(matchResources=None, paramRef=None)
    assert acting(one(kubeconfig, "deploy/code-executor")[0]) == ("both", "yes", "yes")


@pytest.mark.parametrize(("labels", "security_context", "word"), [
    ({}, {"runAsUser": 1000}, "final-state"), ({"code-executor-webhook/mode": "off"}, {"runAsUser": 1000}, None)])
def test_policies_that_come_with_ours_are_said_not_to_be_looked_at(cluster, kubeconfig, labels, security_context, word):
    install_policy(cluster)
    del cluster.objects[HOOKS]
    template = cluster.objects[DEPLOYMENT]["spec"]["template"]
    template["metadata"]["labels"].update(labels)
    template["spec"]["containers"][0]["securityContext"] = security_context
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert said["outcome"] == "unchanged"
    assert [line for line in said["policyWhy"] if "not looked at here" in line] == (
        [f"code-executor-webhook-{word}, which comes with the policy and is not looked at here, may refuse the pod"]
        if word else [])


def test_a_policy_sees_no_nodes(cluster, kubeconfig):
    """Where it acts alone, the decision is its own."""
    install_policy(cluster)
    add_node(cluster)
    add_node(cluster, "/api/v1/nodes/node-2")
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert (said["reason"], len(said["warnings"])) == ("supported", 1)
    del cluster.objects[HOOKS]
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert (said["reason"], said["warnings"]) == ("supported", [])
    assert {pod["name"]: pod["state"] for pod in said["pods"]} == {"old": "missed", "new": "on_bad_node"}


def test_what_a_policy_sandboxed_the_webhook_does_not_make_less(cluster, kubeconfig, tmp_path):
    """Which sees nodes, where the policy does not."""
    install_policy(cluster)
    add_node(cluster)
    config = tmp_path / "config.yaml"
    config.write_text("sandbox: {nodeFallback: privileged}\n")
    said = one(kubeconfig, "deploy/code-executor", "--config", config)[0]
    assert (said["outcome"], said["reason"], said["acts"]) == ("denied", "no_capable_node", "both")
    assert "code-executor-webhook/mode" not in said["why"], "a label that the pod does not have"
    del cluster.objects[POLICY]
    said = one(kubeconfig, "deploy/code-executor", "--config", config)[0]
    assert (said["outcome"], said["reason"], said["acts"]) == ("privileged", "no_capable_node", "webhook")


def test_a_label_that_both_ignore_is_told(cluster, kubeconfig):
    install_policy(cluster)
    cluster.objects[DEPLOYMENT]["spec"]["template"]["metadata"]["labels"]["code-executor-webhook/mode"] = "on"
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert (said["outcome"], said["acts"]) == ("sandboxed", "both")
    assert any("code-executor-webhook/mode" in line for line in said["warnings"])


def test_policies_that_kubectl_prints_are_enough(cluster):
    install_policy(cluster)
    kinds = {POLICY: "MutatingAdmissionPolicy", f"{BINDINGS}/code-executor-webhook": "MutatingAdmissionPolicyBinding"}
    items = [{**each, "apiVersion": "v1", "kind": each.get("kind", kinds.get(path, "Pod" if "/pods/" in path else "Namespace"))}
             for path, each in cluster.objects.items() if "/apps/" not in path]

    def acts(left_out=()):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [each for each in items if each["kind"] not in left_out]})
        pods = json.loads(explain("--all", "-f", "-", "-o", "json", "--kube-version", "1.37", stdin=text, code=1).stdout)["pods"]
        return {(*acting(each), each["policyWhy"][0].split(": ")[-1]) for each in pods}

    hooks, policy, binding = "MutatingWebhookConfiguration", *kinds.values()
    fine = "where it cannot be evaluated the pod is refused"
    ask = "is not known (--kubeconfig asks a cluster for it)"
    assert acts() == {("both", "yes", "yes", fine)}
    assert acts([hooks]) == {("policy", "depends", "yes", fine)}
    assert acts([policy]) == {("webhook", "yes", "depends", f"MutatingAdmissionPolicy code-executor-webhook {ask}")}
    assert acts([hooks, binding]) == {
        ("depends", "depends", "depends", f"MutatingAdmissionPolicyBinding of code-executor-webhook {ask}")}


# What cannot be read.


def test_what_is_not_there_is_named_and_the_others_are_explained(cluster, kubeconfig, server):
    done = explain("-o", "json", "--kubeconfig", kubeconfig, "pod/nobody", "deploy/code-executor", "sts/none", code=1)
    assert [each["name"] for each in json.loads(done.stdout)["objects"]] == ["code-executor"]
    wrong = f"there is none at {server.url} (expected one that exists; -n says in which namespace)"
    assert done.stderr.splitlines() == [f"pod retool/nobody: {wrong}",
                                        f"code-executor-webhook: statefulset retool/none: {wrong}"]


def test_what_is_forbidden_is_named(cluster, kubeconfig, server):
    cluster.refused.add(DEPLOYMENT)
    done = explain("--kubeconfig", kubeconfig, "deploy/code-executor", code=1)
    assert done.stderr == (f"code-executor-webhook: GET {server.url}{DEPLOYMENT}: status 403 (expected a role that allows "
                           "it)\n")
    assert done.stdout == ""


def test_selectors_that_are_forbidden_are_not_guessed(cluster, kubeconfig, server):
    hook = cluster.objects[HOOKS]["webhooks"][0]
    hook["namespaceSelector"]["matchLabels"] = {"team": "x"}
    cluster.refused.add("/api/v1/namespaces/retool")
    done = explain("-o", "json", "--kubeconfig", kubeconfig, "deploy/code-executor")
    (said,) = json.loads(done.stdout)["objects"]
    assert (said["called"], said["calledWhy"][0].split(": ", 1)[1]) == (
        "depends", "namespaceSelector: label team is not known")
    assert f"warning: GET {server.url}/api/v1/namespaces/retool: status 403" in done.stderr
    cluster.refused.add(HOOKS)
    done = explain("-o", "json", "--kubeconfig", kubeconfig, "deploy/code-executor")
    assert json.loads(done.stdout)["objects"][0]["called"] == "depends"
    assert f"warning: GET {server.url}{HOOKS}: status 403" in done.stderr


def test_without_an_api_server_it_says_what_it_needs(tmp_path):
    assert explain("deploy/x", code=1).stderr == (
        "code-executor-webhook: no API server to ask (expected --kubeconfig FILE, KUBECONFIG, ~/.kube/config, or to run in "
        "a cluster; -f FILE needs none)\n")


def test_the_kubeconfig_is_found_as_kubectl_finds_it(cluster, kubeconfig, tmp_path):
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text(kubeconfig.read_text())
    assert "Deployment retool/code-executor" in explain("deploy/code-executor", HOME=str(tmp_path)).stdout
    assert "Deployment retool/code-executor" in explain("deploy/code-executor", KUBECONFIG=str(kubeconfig)).stdout


# All pods of a cluster.


def add_states(cluster):
    pods = {
        "privileged": template(PRIVILEGED),
        "unchanged": template({"env": [{"name": "CONTAINER_UNPRIVILEGED_MODE", "value": "true"}]}),
        "stale": copy.deepcopy(sandboxed(template())),
        "dropped": copy.deepcopy(sandboxed(template()))}
    pods["stale"]["metadata"]["annotations"]["checksum/seccomp"] = "0" * 64
    del pods["dropped"]["spec"]["hostUsers"]
    for name, pod in pods.items():
        cluster.add(f"/api/v1/namespaces/other/pods/{name}", **pod)


STATES = {"old": "missed", "new": "sandboxed", "privileged": "privileged", "unchanged": "unchanged",
          "stale": "stale_profile", "dropped": "without_user_namespace"}


def test_all_pods_with_their_states(cluster, kubeconfig):
    add_states(cluster)
    done = explain("--all", "--kubeconfig", kubeconfig, code=1)
    header, *rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert header == ["NAMESPACE", "POD", "STATE", "REASON", "ACTS", "NODE", "NOTE"]
    assert {row[1]: row[2] for row in rows} == STATES
    assert {row[0] for row in rows} == {"retool", "other"}
    assert "\x1b" not in done.stdout
    assert done.stderr == (
        "code-executor-webhook: of 6 code-executor pods 1 stale_profile, 1 without_user_namespace, 1 privileged, 1 missed "
        "(expected none: explain each, or leave states out of --fail-on)\n")
    said = json.loads(explain("--all", "--kubeconfig", kubeconfig, "-o", "json", code=1).stdout)
    assert {pod["name"]: pod["state"] for pod in said["pods"]} == STATES
    assert said["states"] == {state: 1 for state in STATES.values()}


@pytest.mark.parametrize(("states", "code"), [
    ("missed", 1), ("privileged,missed", 1), ("privileged", 0), ("sandboxed", 1), ("unchanged,stale_profile", 0)])
def test_the_states_that_count_can_be_chosen(cluster, kubeconfig, states, code):
    done = explain("--all", "--kubeconfig", kubeconfig, "--fail-on", states, code=code)
    if code == 0:
        assert done.stderr == "1 sandboxed, 1 missed\n"


BAD = "/api/v1/nodes/node-1"


def add_node(cluster, path=BAD, kernel="5.15.0-1"):
    return cluster.add(path, status={"nodeInfo": {"kernelVersion": kernel, "kubeletVersion": "v1.34.1"}})


def test_a_sandboxed_pod_on_a_node_that_cannot_run_it(cluster, kubeconfig):
    add_node(cluster)
    add_node(cluster, "/api/v1/nodes/node-2", kernel="6.8.0")
    spec = sandboxed(template())
    cluster.add(f"{PODS}/fine", **{**spec, "spec": {**spec["spec"], "nodeName": "node-2"}})
    done = explain("--all", "--kubeconfig", kubeconfig, code=1)
    rows = {row[1]: row for row in (line.split("\t") for line in done.stdout.splitlines())}
    assert {name: rows[name][2] for name in ("old", "new", "fine")} == {
        "old": "missed", "new": "on_bad_node", "fine": "sandboxed"}
    assert rows["new"][5:] == ["node-1", "its node cannot run the sandbox: kernel 5.15.0-1 is older than 6.3"]
    assert "of 3 code-executor pods 1 on_bad_node, 1 missed (" in done.stderr
    text = explain("pod/new", "--kubeconfig", kubeconfig).stdout
    assert "  state       on_bad_node\n" in text and ", on node node-1, its node cannot run the sandbox: kernel " in text
    (said,) = one(kubeconfig, "deploy/code-executor")
    assert {pod["name"]: pod["state"] for pod in said["pods"]} == {"old": "missed", "new": "on_bad_node"}
    # What kubectl prints says as much.
    items = [{"apiVersion": "v1", "kind": kind, **cluster.objects[path]}
             for kind, path in (("Pod", f"{PODS}/new"), ("Node", BAD))]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    said = json.loads(explain("--all", "-f", "-", "-o", "json", "--kube-version", "1.34", stdin=text, code=1).stdout)
    assert said["states"] == {"on_bad_node": 1}


def test_what_an_administrator_says_of_a_node_counts(cluster, kubeconfig):
    add_node(cluster)["metadata"]["labels"] = {"code-executor-webhook/sandbox": "true"}
    assert one(kubeconfig, "pod/new")[0]["state"] == "sandboxed"
    cluster.objects[BAD]["metadata"]["labels"] = {"code-executor-webhook/sandbox": "false"}
    (said, _) = one(kubeconfig, "pod/new")
    assert said["note"] == 'its node cannot run the sandbox: code-executor-webhook/sandbox is "false"'


def test_nodes_decide_as_they_do_in_the_webhook(cluster, kubeconfig, tmp_path):
    """A pod that was left privileged because of them was not missed, wherever it went."""
    add_node(cluster)
    add_node(cluster, "/api/v1/nodes/node-2")
    cluster.objects[f"{PODS}/old"]["spec"]["containers"][0].update(PRIVILEGED)
    config = tmp_path / "config.yaml"
    config.write_text("sandbox: {nodeFallback: privileged, replaceChartDefault: true}\n")
    (said, _) = one(kubeconfig, "pod/old", "--config", config)
    assert (said["state"], said["reason"], said["row"]) == ("privileged", "no_capable_node", 15)
    add_node(cluster, "/api/v1/nodes/node-2", kernel="6.8.0")
    assert one(kubeconfig, "pod/old", "--config", config)[0]["state"] == "missed"


def test_nodes_that_may_not_be_listed_are_told_and_not_guessed(cluster, kubeconfig, tmp_path, server):
    add_node(cluster)
    cluster.refused.add("/api/v1/nodes")
    done = explain("pod/new", "--kubeconfig", kubeconfig)
    assert "  state       sandboxed\n" in done.stdout
    assert "nodes are not known: " in done.stderr and "the right to list nodes" in done.stderr
    config = tmp_path / "config.yaml"
    config.write_text("cluster: {nodeAwareness: false}\n")
    asked = len([request for request in server.requests() if "nodes" in request.path])
    assert explain("pod/new", "--kubeconfig", kubeconfig, "--config", config).stderr == ""
    assert len([request for request in server.requests() if "nodes" in request.path]) == asked


def test_one_namespace(cluster, kubeconfig):
    add_states(cluster)
    done = explain("--all", "-n", "other", "--kubeconfig", kubeconfig, "-o", "json", code=1)
    assert {pod["namespace"] for pod in json.loads(done.stdout)["pods"]} == {"other"}


def test_no_pods_are_no_error(cluster, kubeconfig):
    done = explain("--all", "-n", "empty", "--kubeconfig", kubeconfig)
    assert (done.stdout, done.stderr) == ("", "no code-executor pods\n")


def test_pages_are_put_together(cluster, kubeconfig, server):
    cluster.page = 2
    for number in range(7):
        cluster.add(f"{PODS}/more-{number}", **sandboxed(template()))
    done = explain("--all", "--kubeconfig", kubeconfig, "-o", "json", code=1)
    names = [pod["name"] for pod in json.loads(done.stdout)["pods"]]
    assert sorted(names) == ["more-0", "more-1", "more-2", "more-3", "more-4", "more-5", "more-6", "new", "old"]
    assert sum(request.path.startswith("/api/v1/pods?") for request in server.requests()) == 5


def test_a_list_that_expires_is_asked_for_anew_and_no_pod_is_there_twice(cluster, kubeconfig):
    cluster.page, cluster.expirations = 1, 2
    done = explain("--all", "--kubeconfig", kubeconfig, "-o", "json", code=1)
    assert [pod["name"] for pod in json.loads(done.stdout)["pods"]] == ["old", "new"]
    cluster.expirations = 3
    assert "the list expires before its end (status 410)" in explain("--all", "--kubeconfig", kubeconfig, code=1).stderr


def test_a_server_that_repeats_a_page_does_not_keep_it(cluster, kubeconfig):
    cluster._page = lambda *_: (200, {"metadata": {"continue": "again"}, "items": []})
    assert "the same page again" in explain("--all", "--kubeconfig", kubeconfig, code=1).stderr


def test_pods_that_may_not_be_listed_are_an_error(cluster, kubeconfig, server):
    cluster.refused.add("/api/v1/pods")
    done = explain("--all", "--kubeconfig", kubeconfig, "-o", "json", code=1)
    assert f"GET {server.url}/api/v1/pods?limit=100&fieldSelector=" in done.stderr
    assert "status 403 (expected a role that allows it)" in done.stderr
    assert done.stdout == ""


def test_it_only_reads(cluster, kubeconfig, server):
    add_states(cluster)
    explain("--all", "--kubeconfig", kubeconfig, code=1)
    explain("deploy/code-executor", "pod/new", "--kubeconfig", kubeconfig)
    assert {request.method for request in server.requests()} == {"GET"}


def test_a_label_of_a_pod_cannot_forge_a_line(cluster, kubeconfig):
    cluster.objects[f"{PODS}/old"]["metadata"]["labels"].update({next(iter(LABEL)): "x\n\x1b[2Jy"})
    text = explain("pod/old", "--kubeconfig", kubeconfig).stdout
    assert "\x1b" not in text
    cluster.objects[f"{PODS}/old"]["spec"]["nodeName"] = "n\x1b[2J"
    assert ", on node n?[2J, " in explain("pod/old", "--kubeconfig", kubeconfig).stdout
    assert "label telemetry.retool.com/service-name is 'x??[2Jy' (expected 'code-executor')" in text
