"""Pods of every row of the decision table, through a real API server."""

import json

import pytest
import yaml

from installed import ROOT, mutate
from pods import assert_carries, create, pod, volume, without_host_users

EXAMPLES = ROOT / "manifests/examples"
# A pod and the outcome and reason, from 1.33 on and before.
OLD = "cluster_too_old"
ROWS = [
    (pod("windows", {"os": {"name": "windows"}}), "unchanged windows", "unchanged windows"),
    (pod("no-target", {"containers": [{"name": "other", "image": "i"}]}),
     "unchanged no_target_container", "unchanged no_target_container"),
    (pod("without-nsjail", target={"env": [{"name": "CONTAINER_UNPRIVILEGED_MODE", "value": "true"}]}),
     "unchanged runs_without_nsjail", "unchanged runs_without_nsjail"),
    (pod("explicit", target={"securityContext": {"privileged": False}}),
     "unchanged explicit_security_context", "unchanged explicit_security_context"),
    (pod("chart-default", target={"securityContext": {"privileged": True}}),
     "unchanged explicit_security_context", "unchanged explicit_security_context"),
    (pod("host-network", {"hostNetwork": True}), "privileged host_namespace", f"privileged {OLD}"),
    (pod("host-pid", {"hostPID": True}), "privileged host_namespace", f"privileged {OLD}"),
    (pod("host-ipc", {"hostIPC": True}), "privileged host_namespace", f"privileged {OLD}"),
    (pod("host-users", {"hostUsers": True}), "privileged host_users_requested", f"privileged {OLD}"),
    (pod("raw-block", {"volumes": [volume("d", persistentVolumeClaim={"claimName": "d"})]},
         {"volumeDevices": [{"name": "d", "devicePath": "/dev/d"}]}),
     "privileged raw_block_volume", f"privileged {OLD}"),
    (pod("insists", labels={"code-executor-webhook/mode": "sandbox"}), "sandboxed supported", f"denied {OLD}"),
    (pod("insists-with-chart-default", target={"securityContext": {"privileged": True}},
         labels={"code-executor-webhook/mode": "sandbox"}), "sandboxed supported", f"denied {OLD}"),
    (pod("name-conflict", {"volumes": [volume("host-seccomp")]}), "denied name_conflict", f"privileged {OLD}"),
    (pod("plain"), "sandboxed supported", f"privileged {OLD}"),
    (pod("empty-context", target={"securityContext": {}}), "sandboxed supported", f"privileged {OLD}"),
    (pod("host-users-false", {"hostUsers": False}), "sandboxed supported", f"denied {OLD}"),
    (pod("crowded", {
        "initContainers": [{"name": "first", "image": "i"},
                           {"name": "sidecar", "image": "i", "restartPolicy": "Always"}],
        "containers": [{"name": "before", "image": "i"}, {"name": "code-executor", "image": "i"}],
        "volumes": [volume("a"), volume("b")],
        "securityContext": {"runAsUser": 1000, "runAsNonRoot": True, "fsGroup": 2000,
                            "seccompProfile": {"type": "RuntimeDefault"}}},
        annotations={"a/b": "c", "d.e": "f"}), "sandboxed supported", f"privileged {OLD}"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0]["metadata"]["name"])
def test_each_row_is_stored_as_predicted(plane, webhook, minor, namespace, row):
    document, since, before = row
    outcome, reason = (since if minor >= 33 else before).split()
    predicted, said = mutate(plane.version["gitVersion"], json.dumps(document))
    assert f"({reason})" in said, said
    for flags in (["--dry-run=server"], []):
        done = create(plane, namespace, document, *flags)
        if outcome == "denied":
            assert done.returncode == 1 and predicted is None
            assert "sandbox.code-executor-webhook.io" in done.stderr and "denied the request" in done.stderr
            continue
        assert done.returncode == 0, done.stderr
        stored = json.loads(done.stdout)
        if minor < 33:  # why the gate is where it is
            assert "hostUsers" not in stored["spec"]
            predicted = without_host_users(predicted)
        assert_carries(stored, predicted)
        target = next(c for c in stored["spec"]["containers"] if c["name"] in ("code-executor", "other"))
        scaffolding = [c["name"] for c in stored["spec"].get("initContainers", [])][:1] == ["install-seccomp"]
        assert scaffolding == (outcome == "sandboxed")
        assert (stored["spec"].get("hostUsers") is False) == (outcome == "sandboxed")
        if outcome != "unchanged":
            assert target["securityContext"].get("privileged", False) == (outcome == "privileged")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("pod-*.yaml")), ids=lambda file: file.stem)
def test_every_example_is_stored_as_predicted(plane, webhook, minor, namespace, file):
    document = yaml.safe_load(file.read_text())
    document["metadata"]["name"] = f"example-{file.stem}"
    predicted, said = mutate(plane.version["gitVersion"], json.dumps(document))
    done = create(plane, namespace, document, "--dry-run=server")
    assert (done.returncode == 0) == (predicted is not None), (said, done.stderr)
    if predicted and "opted-out" not in file.stem:
        assert_carries(json.loads(done.stdout), predicted if minor >= 33 else without_host_users(predicted))


def test_warnings_come_whole_and_on_one_line(plane, webhook, namespace):
    done = create(plane, namespace, pod("warned", {"hostNetwork": True}), "--dry-run=server")
    warnings = [line for line in done.stderr.splitlines() if line.startswith("Warning: ")]
    ours = [line for line in warnings if "privileged" in line]
    assert len(ours) == 1 and len(ours[0]) <= len("Warning: ") + 120
    _, said = mutate(plane.version["gitVersion"], json.dumps(pod("warned", {"hostNetwork": True})))
    assert ours[0].removeprefix("Warning: ") in said


def test_a_pod_without_the_label_never_reaches_us(plane, webhook, namespace):
    before = webhook.metrics()["admission_duration_seconds_count"]
    document = pod("unlabelled")
    document["metadata"]["labels"] = {"a": "b"}
    assert create(plane, namespace, document).returncode == 0
    assert webhook.metrics()["admission_duration_seconds_count"] == before


def test_the_audit_log_says_what_was_decided(plane, webhook, minor, namespace):
    assert create(plane, namespace, pod("audited")).returncode == 0
    events = [json.loads(line) for line in plane.audit_log.read_text().splitlines()]
    [event] = [event for event in events if event["verb"] == "create"
               and event["objectRef"].get("namespace") == namespace and event["objectRef"].get("name") == "audited"]
    ours = {key.split("/")[1]: value for key, value in event["annotations"].items()
            if key.startswith("sandbox.code-executor-webhook.io/")}
    assert ours == {"outcome": "sandboxed" if minor >= 33 else "privileged",
                    "reason": "supported" if minor >= 33 else "cluster_too_old",
                    "kubernetes-version": f"1.{minor}"}


def test_the_api_server_measures_us(plane, webhook, namespace):
    assert create(plane, namespace, pod("measured")).returncode == 0
    page = plane.get("/metrics").decode()
    assert 'apiserver_admission_webhook_admission_duration_seconds_count{name="sandbox.code-executor-webhook.io"' in page


def test_the_version_was_told_by_the_server_to_our_service_account(plane, webhook):
    assert f'cluster_version_info{{git_version="{plane.version["gitVersion"]}"}}' in webhook.metrics()
    account = "system:serviceaccount:code-executor-webhook:code-executor-webhook"

    def may(*what):
        return plane.kubectl("auth", "can-i", *what, "--as", account, code=None).stdout.strip() == "yes"

    assert may("get", "/version") and may("create", "podtemplates", "-n", "code-executor-webhook")
    for what in (["create", "pods", "-n", "code-executor-webhook"], ["get", "pods", "-A"],
                 ["get", "podtemplates", "-n", "code-executor-webhook"], ["create", "podtemplates"]):
        assert not may(*what), what


def test_the_probe_is_answered(plane, webhook, minor):
    state = "kept" if minor >= 33 else "unknown"
    assert webhook.metrics()[f'cluster_sandbox_fields{{state="{state}"}}'] == 1
    said = "the API server keeps hostUsers" if minor >= 33 else "not asked"
    assert f"sandbox-probe ok: {said}" in webhook.ops("/readyz?verbose").body.decode()
    # A dry run: nothing is left behind.
    assert plane.get_json("podtemplates", "-A")["items"] == []
