"""`explain` on a real API server, by an account with the rights that docs/command-line.md names, and no others."""

import contextlib
import copy
import json
import re
import subprocess

import pytest
import yaml

from control_plane import wait_until
from installed import BINARY, NAME, ROOT, webhook_looks_away
from pods import LABEL, create, is_sandboxed, pod

ROLE = "code-executor-webhook-explain"
ACCOUNT = {"privileged": {"securityContext": {"privileged": True}},
           "unchanged": {"env": [{"name": "CONTAINER_UNPRIVILEGED_MODE", "value": "true"}]}}


def documented_role():
    page = (ROOT / "docs/command-line.md").read_text()
    return yaml.safe_load(re.search(r"^```yaml\n(apiVersion: rbac.*?)^```", page, re.M | re.S).group(1))


def apply(plane, document, *arguments):
    plane.kubectl("apply", "-f", "-", *arguments, stdin=json.dumps(document))


@pytest.fixture(name="explain", scope="module")
def make_account(plane, webhook, namespace, tmp_path_factory):
    """explain(ARGUMENT...) as a service account with the documented role: the finished command."""
    plane.kubectl("create", "serviceaccount", "operator", "-n", namespace)
    apply(plane, documented_role())
    plane.kubectl("create", "clusterrolebinding", ROLE, f"--clusterrole={ROLE}", f"--serviceaccount={namespace}:operator")
    token = plane.kubectl("create", "token", "operator", "-n", namespace).stdout.strip()
    kubeconfig = tmp_path_factory.mktemp("explain") / "kubeconfig"
    kubeconfig.write_text(plane.kubeconfig_for(token, namespace))

    def explain(*arguments):
        return subprocess.run([BINARY, "explain", "-o", "json", "--kubeconfig", kubeconfig, *arguments],
                              capture_output=True, text=True, timeout=120, check=False)

    wait_until(lambda: explain("--all").stderr.count("status 403") == 0, "the role is in force")
    yield explain
    plane.kubectl("delete", "clusterrolebinding", ROLE)
    plane.kubectl("delete", "clusterrole", ROLE)


@pytest.fixture(name="workloads", scope="module")
def make_workloads(plane, webhook, namespace):
    """A Deployment, a StatefulSet, a DaemonSet, a ReplicationController, a Job and a CronJob, with what they make."""
    template = {"metadata": {"labels": {**LABEL, "app": "a"}}, "spec": pod("p")["spec"]}
    selector = {"selector": {"matchLabels": {"app": "a"}}}
    once = {"template": {**template, "spec": {**template["spec"], "restartPolicy": "Never"}}}
    for kind, version, spec in (
            ("Deployment", "apps/v1", {**selector, "replicas": 2, "template": template}),
            ("StatefulSet", "apps/v1", {"selector": {"matchLabels": {"app": "s"}}, "serviceName": "s", "template": {
                **template, "metadata": {"labels": {**LABEL, "app": "s"}}}}),
            ("DaemonSet", "apps/v1", {**selector, "template": template}),
            ("ReplicationController", "v1", {"replicas": 1, "selector": {"app": "rc"}, "template": {
                **template, "metadata": {"labels": {**LABEL, "app": "rc"}}}}),
            ("Job", "batch/v1", once),
            ("CronJob", "batch/v1", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": once}})):
        apply(plane, {"apiVersion": version, "kind": kind, "metadata": {"name": "w"}, "spec": spec}, "-n", namespace)
    plane.kubectl("create", "job", "by-hand", "--from=cronjob/w", "-n", namespace)
    apply(plane, {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "w"}, "template": template},
          "-n", namespace)
    wait_until(lambda: len(plane.get_json("pods", "-n", namespace)["items"]) >= 6, "the controllers made pods")


def objects(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["objects"]


def test_each_type_of_workload_with_its_pods(explain, workloads, minor):
    for kind, count in (("deploy", 2), ("sts", 1), ("ds", 0), ("rc", 1), ("job", 1), ("cronjob", 1)):
        said = objects(explain(f"{kind}/w"))[0]
        assert len(said["pods"]) == count, kind
        assert said["called"] == "yes", said["calledWhy"]
        assert said["outcome"] == ("sandboxed" if minor >= 33 else "privileged")
        assert {each["state"] for each in said["pods"]} <= {"sandboxed" if minor >= 33 else "privileged"}
    assert "pods" not in objects(explain("podtemplate/w"))[0]


def test_a_pod_with_its_owners(plane, explain, workloads, namespace):
    names = plane.kubectl("get", "pods", "-n", namespace, "-l", "app=a", "-o", "name").stdout.split()
    said = objects(explain(*names))
    assert {tuple(re.sub(r" .*", "", owner) for owner in each["owners"]) for each in said if each["kind"] == "Pod"} \
        == {("ReplicaSet", "Deployment"), ("Job",), ("Job", "CronJob")}
    replicas = plane.kubectl("get", "rs", "-n", namespace, "-o", "name").stdout.split()
    (replica_set, deployment) = objects(explain(replicas[0]))
    assert (replica_set["kind"], deployment["kind"], deployment["name"]) == ("ReplicaSet", "Deployment", "w")


def test_all_states(plane, explain, workloads, namespace, minor):
    for name, target in ACCOUNT.items():
        assert create(plane, namespace, pod(name, target=target)).returncode == 0
    # Without the label that the webhook is called for.
    missed = pod("missed")
    missed["metadata"]["labels"] = {}
    assert create(plane, namespace, missed).returncode == 0
    states = {"privileged": "privileged", "unchanged": "unchanged", "missed": "missed"}
    if minor >= 33:
        stale = json.loads(create(plane, namespace, pod("stale", annotations={"checksum/seccomp": "0"}),
                                  "--dry-run=server").stdout)
        assert is_sandboxed(stale)
        again = {"apiVersion": "v1", "kind": "Pod", "spec": copy.deepcopy(stale["spec"]), "metadata": {
            "name": "stale", "labels": {}, "annotations": {"checksum/seccomp": "0" * 64}}}
        assert create(plane, namespace, again).returncode == 0
        states["stale"] = "stale_profile"
    done = explain("--all", "-n", namespace)
    found = {each["name"]: each for each in json.loads(done.stdout)["pods"]}
    assert {name: found[name]["state"] for name in states} == states
    assert found["missed"]["called"] == "no"
    assert "objectSelector: label telemetry.retool.com/service-name is missing" in found["missed"]["calledWhy"][0]
    assert done.returncode == 1
    assert " code-executor pods " in done.stderr
    assert explain("--all", "-n", namespace, "--fail-on", "without_user_namespace").returncode == 0
    everywhere = json.loads(explain("--all").stdout)["pods"]
    assert {each["name"] for each in everywhere} >= set(found)


@contextlib.contextmanager
def mutating_policy(plane, namespace):
    """The mutating policy of manifests/overlays/policy and its binding, for pods of `namespace`."""
    made = [each for each in yaml.safe_load_all((ROOT / "manifests/overlays/policy/policies.yaml").read_text())
            if each["kind"].startswith("Mutating")]
    made[1]["spec"]["matchResources"] = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    for each in made:
        apply(plane, each)
    try:
        yield
    finally:
        for each in made:
            plane.kubectl("delete", each["kind"], each["metadata"]["name"])


def test_who_would_act_is_who_acts(plane, webhook, explain, workloads, namespace, minor):
    """Of webhook and policy both, one or neither, by what becomes of a pod."""
    if minor < 36:
        (said,) = objects(explain("deploy/w"))
        assert (said["acts"], said["policy"]) == ("webhook", "no")
        assert f"Kubernetes 1.{minor} serves no MutatingAdmissionPolicy of v1" in said["policyWhy"][0]
        return

    def counted(reason):
        return sum(value for key, value in webhook.metrics().items()
                   if key.startswith("admission_requests_total") and f'reason="{reason}"' in key)

    def who_acts():
        """By how a pod comes out, and what the webhook said of it: of one that the policy sandboxed, and of its own when it
        is asked again, that nothing is left to do."""
        before = counted("supported"), counted("already_sandboxed")
        made = json.loads(create(plane, namespace, pod("dry"), "--dry-run=server").stdout)
        has_sandboxed, was_asked = (counted(reason) > there for reason, there in zip(("supported", "already_sandboxed"), before))
        if not is_sandboxed(made):
            return "neither"
        return "webhook" if has_sandboxed else "both" if was_asked else "policy"

    def agree(acts):
        wait_until(lambda: who_acts() == acts, f"{acts} acts")
        (said,) = objects(explain("deploy/w"))
        assert said["acts"] == acts, said
        return said

    assert agree("webhook")["policyWhy"] == [f"there is no MutatingAdmissionPolicy {NAME}: the policy is not installed"]
    with mutating_policy(plane, namespace):
        agree("both")
        with webhook_looks_away(plane, namespace):
            assert agree("policy")["called"] == "no"
    with webhook_looks_away(plane, namespace):
        agree("neither")
        assert create(plane, namespace, pod("neither")).returncode == 0
        (found,) = [each for each in json.loads(explain("--all", "-n", namespace).stdout)["pods"]
                    if each["name"] == "neither"]
        assert (found["state"], found["acts"]) == ("missed", "neither")
        plane.kubectl("delete", "pod", "neither", "-n", namespace, "--wait=false", "--force")
    agree("webhook")


def test_what_the_api_server_refuses_is_what_is_said(explain, namespace, plane):
    done = explain("-n", "kube-system", "pod/none")
    assert (done.returncode, done.stdout) == (1, '{\n  "objects": []\n}\n')
    assert f"pod kube-system/none: there is none at {plane.url}" in done.stderr


def rights(role):
    """[(rule number, resource, verb)]"""
    return [(number, resource, verb) for number, rule in enumerate(role["rules"])
            for resource in rule["resources"] for verb in rule["verbs"]]


def without(role, number, resource, verb):
    """The role with one right less."""
    role = copy.deepcopy(role)
    rule = role["rules"].pop(number)
    for resources, verbs in (([each for each in rule["resources"] if each != resource], rule["verbs"]),
                             ([resource], [each for each in rule["verbs"] if each != verb])):
        if resources and verbs:
            role["rules"].append({**rule, "resources": resources, "verbs": verbs})
    return role


def test_every_right_that_is_documented_is_needed(plane, explain, workloads, namespace, minor):
    """Each command that needs it says so without it."""
    with mutating_policy(plane, namespace) if minor >= 36 else contextlib.nullcontext():
        check_rights(plane, explain, minor)


def check_rights(plane, explain, minor):
    role = documented_role()
    names = {"pods": "pod/none", "namespaces": "deploy/w", "mutatingwebhookconfigurations": "deploy/w",
             "mutatingadmissionpolicies": "deploy/w", "mutatingadmissionpolicybindings": "deploy/w"}
    needs = {("pods", "list"): "job/w", ("replicasets", "list"): "deploy/w", ("jobs", "list"): "cronjob/w"}
    missed = {"nodes": "answered 403 (expected 200: the right to list nodes)",
              "runtimeclasses": "RuntimeClasses are not known"}
    assert len(rights(role)) > 10
    for number, resource, verb in rights(role):
        if minor < 36 and resource.startswith("mutatingadmissionpolic"):
            continue  # it asks for none
        name = needs.get((resource, verb)) or names.get(resource) or f"{resource}/w"
        name = "deploy/w" if resource in missed else name
        words = missed.get(resource, "status 403")
        apply(plane, without(role, number, resource, verb))
        wait_until(lambda asked=name, said=words: said in explain(asked).stderr, f"{verb} {resource} is missed by {name}")
    apply(plane, role)
    wait_until(lambda: not explain("deploy/w").stderr, "the role is whole again")


def test_it_asks_for_nothing_but_reads(plane, explain, workloads, namespace):
    explain("--all")
    explain("deploy/w")
    user = f"system:serviceaccount:{namespace}:operator"
    entries = [json.loads(line) for line in plane.audit_log.read_text().splitlines()]
    verbs = {entry["verb"] for entry in entries if entry["user"]["username"] == user}
    assert verbs == {"get", "list"}


def test_the_webhook_itself_may_not_explain(plane, webhook):
    """Its own account needs no right on pods."""
    allowed = plane.kubectl("auth", "can-i", "list", "pods", "--all-namespaces",
                            f"--as=system:serviceaccount:{NAME}:{NAME}", code=None)
    assert allowed.stdout.strip() == "no"
