"""What stands above everything else in the decision: no API server that would drop the sandbox is given a pod that
carries it, and who insists on the sandbox gets it or nothing."""

import json

import pytest

from conftest import ASSETS
from control_plane import ControlPlane, wait_until
from host_users_policy_test import BINDING, POLICY, SANDBOXED, without_features
from installed import install
from pods import LABEL, create, pod, volume
from policy_cases import load, pod_of

MODE = "code-executor-webhook/mode"
INSISTS = {MODE: "sandbox"}
OF_010 = pod_of(next(case for name, _, case in load() if name == "sandboxed by release 0.1.0"), "of-010")[0]
UNPRIVILEGED = {"env": [{"name": "CONTAINER_UNPRIVILEGED_MODE", "value": "true"}]}


@pytest.fixture(scope="module")
def gated(minor, tmp_path_factory):
    """A server without the features, and the webhook alone: the policy of base is taken away."""
    directory = tmp_path_factory.mktemp("gated")
    with ControlPlane(ASSETS, directory / "plane", without_features(minor)) as plane:
        plane.start_controllers()
        wait_until(plane.has_service_accounts, "service accounts")
        with install(plane, directory / "webhook") as plane.webhook:
            plane.kubectl("delete", "-f", POLICY, "-f", BINDING)
            wait_until(lambda: plane.webhook.ops("/readyz").status == 200, "the webhook is ready")
            insists = pod("probe", labels=INSISTS)
            wait_until(lambda: "denied the request" in create(plane, "default", insists, "--dry-run=server").stderr,
                       "the webhook is called")
            yield plane


CARRIES_IT = {
    "all of it": SANDBOXED,
    "all of it, insists": {**SANDBOXED, "metadata": {"name": "p", "labels": {**LABEL, **INSISTS}}},
    "that of release 0.1.0": OF_010,
    "its user namespace, privileged": pod("p", {"hostUsers": False}, {"securityContext": {"privileged": True}}),
    "its user namespace, no context": pod("p", {"hostUsers": False}),
    "its user namespace, without nsjail": pod("p", {"hostUsers": False}, UNPRIVILEGED),
}


def decided(plane, namespace, name):
    """Outcome and reason, as the audit log has them of the last pod of that name."""
    ours = "sandbox.code-executor-webhook.io/"
    found = [event["annotations"] for event in map(json.loads, plane.audit_log.read_text().splitlines())
             if event["verb"] == "create" and event["objectRef"].get("namespace") == namespace
             and event["objectRef"].get("name") == name and f"{ours}outcome" in event.get("annotations", {})]
    return f"{found[-1][ours + 'outcome']} {found[-1][ours + 'reason']}"


@pytest.mark.parametrize("what", CARRIES_IT)
def test_a_server_without_the_features_gets_no_pod_that_carries(gated, what):
    document = CARRIES_IT[what]
    done = create(gated, "default", document)
    assert done.returncode == 1, done.stdout
    assert 'admission webhook "sandbox.code-executor-webhook.io" denied the request' in done.stderr, done.stderr
    assert decided(gated, "default", document["metadata"]["name"]) == "denied cluster_too_old"
    assert not gated.get_json("pods")["items"]


DEVICE = {"volumes": [volume("d", hostPath={"path": "/dev"})]}, {"volumeMounts": [{"name": "d", "mountPath": "/d"}]}
HIGH_ID = {"securityContext": {"fsGroup": 1000650000}}
SYS_ADMIN = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
# A pod, and what becomes of it where the sandbox is kept.
ROWS = [
    (pod("insists-with-user", target={"securityContext": {"privileged": True, "runAsUser": 0}}, labels=INSISTS),
     "sandboxed supported"),
    (pod("insists-with-sys-admin", target=SYS_ADMIN, labels=INSISTS), "denied explicit_security_context"),
    (pod("insists-without-nsjail", target=UNPRIVILEGED, labels=INSISTS), "denied runs_without_nsjail"),
    (pod("insists-without-target", {"containers": [{"name": "other", "image": "i"}]}, labels=INSISTS),
     "denied no_target_container"),
    (pod("device", *DEVICE), "privileged unmappable_volume"),
    (pod("insists-with-device", *DEVICE, labels=INSISTS), "denied unmappable_volume"),
    (pod("high-id", HIGH_ID), "privileged unmapped_id"),
    (pod("insists-with-high-id", HIGH_ID, labels=INSISTS), "denied unmapped_id"),
]


@pytest.mark.parametrize(("document", "decision"), ROWS, ids=[document["metadata"]["name"] for document, _ in ROWS])
def test_who_insists_gets_the_sandbox_or_nothing(plane, webhook, minor, namespace, document, decision):
    if minor < 33:
        pytest.skip("this release keeps no sandbox")
    done = create(plane, namespace, document, "--dry-run=server")
    assert decided(plane, namespace, document["metadata"]["name"]) == decision, done.stderr
    assert (done.returncode == 0) == (not decision.startswith("denied")), done.stderr
    if done.returncode == 0:
        stored = json.loads(done.stdout)["spec"]
        is_privileged = stored["containers"][0]["securityContext"].get("privileged", False)
        assert (is_privileged, stored.get("hostUsers") is False) == (
            decision.startswith("privileged"), decision.startswith("sandboxed"))
