"""manifests/final-state-policy on every pod of tests/policy/cases: what a real API server says. The webhook is not
called: the policy judges what there is."""

import pytest

from control_plane import wait_until
from installed import ROOT, webhook_looks_away
from pods import LABEL
from policy_cases import is_stored, load, operations, pod_of

POLICY = ROOT / "manifests/final-state-policy"
CASES = load()
STORED = {name: f"case-{number}" for number, (name, _, case) in enumerate(CASES) if is_stored(case)}


def debug(plane, namespace, name, *containers):
    """The answer to the request for ephemeral containers in a pod."""
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"
    there = plane.send("GET", path)[1]["spec"].get("ephemeralContainers", [])
    operation = {"op": "add", "path": "/spec/ephemeralContainers", "value": [*there, *containers]}
    return plane.send("PATCH", f"{path}/ephemeralcontainers", [operation])


@pytest.fixture(scope="module", autouse=True)
def policy(plane, webhook, minor, namespace):
    if minor < 33:
        pytest.skip("the policy is for 1.33 and later")
    pods = f"/api/v1/namespaces/{namespace}/pods"
    with webhook_looks_away(plane, namespace):
        wait_until(lambda: "initContainers" not in plane.send("POST", f"{pods}?dryRun=All", {
            "metadata": {"name": "probe", "labels": LABEL},
            "spec": {"containers": [{"name": "code-executor", "image": "i"}]}})[1].get("spec", {"initContainers": 0}),
            "the webhook is not called")
        for name, _, case in CASES:
            if name in STORED:
                document, debuggers = pod_of(case, STORED[name])
                status, answer = plane.send("POST", pods, document)
                assert status == 201, answer
                if debuggers:
                    assert debug(plane, namespace, STORED[name], *debuggers)[0] == 200
        plane.kubectl("apply", "-k", POLICY)
        wait_until(lambda: plane.send("POST", f"{pods}?dryRun=All", pod_of({"of": "chart"}, "probe")[0])[0] == 403,
                   "the policy is in force")
        yield
        plane.kubectl("delete", "-k", POLICY)


@pytest.mark.parametrize(("name", "refused", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_each_pod_is_judged_as_the_table_says(plane, namespace, name, refused, case):
    if "hostPaths" in case:
        pytest.skip("of a policy that an administrator changed: tests/policy")
    pods = f"/api/v1/namespaces/{namespace}/pods"
    if "debug" in case:
        status, answer = debug(plane, namespace, STORED[name], {"name": "debugger", "image": "busybox", **case["debug"]})
    elif "update" in case:
        subresource = case.get("via", "pods").removeprefix("pods")
        status, answer = plane.send("PATCH", f"{pods}/{STORED[name]}{subresource}", operations(case["update"]))
    else:
        status, answer = plane.send("POST", f"{pods}?dryRun=All", pod_of(case, "pod")[0])
    if case.get("invalid"):
        assert status == 422 and "denied request" not in answer["message"], answer["message"]
    elif refused:
        assert status == 403 and f"denied request: {refused}" in answer["message"], (status, answer.get("message"))
    else:
        assert status in (200, 201), answer["message"]


def test_the_api_server_finds_nothing_wrong_with_its_types(plane, namespace):
    def checked():
        status = plane.get_json("validatingadmissionpolicy", "code-executor-webhook-final-state").get("status", {})
        return status if "typeChecking" in status else None

    assert wait_until(checked, "the controllers checked its types")["typeChecking"] == {}
