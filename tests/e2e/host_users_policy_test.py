"""The policy of manifests/base: API servers that drop hostUsers refuse a pod that carries the sandbox, instead of
storing what is left of it. Each judges what it dropped itself, whatever the webhook knows of the others."""

import json

import pytest

from conftest import ASSETS
from control_plane import ControlPlane, wait_until
from installed import ROOT, install, mutate
from pods import create, is_sandboxed, pod
from policy_cases import pod_of

REFUSED = "ValidatingAdmissionPolicy 'code-executor-webhook-host-users'"
OFF = "--feature-gates=UserNamespacesSupport=false,ProcMountType=false"
POLICY = ROOT / "manifests/base/host-users-policy.yaml"
BINDING = ROOT / "manifests/base/host-users-policy-binding.yaml"
SANDBOXED = pod_of({"of": "sandboxed"}, "carries-it")[0]


def without_features(minor):
    """Flags with which an API server of this minor version starts without the two features."""
    return [] if minor < 33 else [OFF] if minor < 36 else [OFF, "--emulated-version=1.34"]


@pytest.fixture(scope="module")
def old_plane(minor, tmp_path_factory):
    with ControlPlane(ASSETS, tmp_path_factory.mktemp("without-features"), without_features(minor)) as plane:
        plane.start_controllers()
        wait_until(plane.has_service_accounts, "the controllers make service accounts")
        plane.stored_before = json.loads(create(plane, "default", SANDBOXED).stdout)
        plane.kubectl("apply", "-f", POLICY, "-f", BINDING)
        wait_until(lambda: REFUSED in create(plane, "default", SANDBOXED, "--dry-run=server").stderr,
                   "the policy is in force")
        yield plane


def test_without_the_policy_the_pod_is_stored_without_its_user_namespace(old_plane):
    spec = old_plane.stored_before["spec"]
    target = spec["containers"][0]["securityContext"]
    assert "hostUsers" not in spec and target["procMount"] == "Default"
    assert target["capabilities"] == {"add": ["NET_ADMIN"]}


def test_a_server_that_drops_host_users_refuses_the_pod(old_plane):
    done = create(old_plane, "default", SANDBOXED)
    assert done.returncode == 1 and REFUSED in done.stderr and "turn on UserNamespacesSupport" in done.stderr


@pytest.mark.parametrize("label", ["code-executor-webhook/mode", "telemetry.retool.com/service-name"])
def test_labels_are_no_way_around_it(old_plane, label):
    labels = {"code-executor-webhook/mode": "off"} if "mode" in label else {}
    document = {**SANDBOXED, "metadata": {"name": "p", "labels": labels}}
    assert REFUSED in create(old_plane, "default", document, "--dry-run=server").stderr


def test_pods_of_controllers_that_are_refused_say_why(old_plane):
    template = {"metadata": {"labels": {"app": "jail"}}, "spec": SANDBOXED["spec"]}
    old_plane.kubectl("apply", "-f", "-", stdin=json.dumps({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "jail"},
        "spec": {"selector": {"matchLabels": {"app": "jail"}}, "template": template}}))

    def events():
        found = old_plane.get_json("events")["items"]
        return [each["message"] for each in found if REFUSED in each.get("message", "")]

    assert "turn on UserNamespacesSupport" in wait_until(events, "the ReplicaSet was refused its pod")[0]
    assert not old_plane.get_json("pods", "-l", "app=jail")["items"]


ORDINARY = {
    "the chart's": pod("p", target={"securityContext": {"privileged": True}}),
    "no context": pod("p"),
    "another profile": pod("p", target={"securityContext": {"seccompProfile": {
        "type": "Localhost", "localhostProfile": "profiles/other.json"}}}),
    "the chart's js-executor": pod("p", {"containers": [{
        "name": "js-executor", "image": "i", "securityContext": {
            "capabilities": {"add": ["NET_ADMIN"]}, "seccompProfile": {
                "type": "Localhost", "localhostProfile": "profiles/nsjail-seccomp.json"}}}]}),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_other_pods_are_left_alone(old_plane, kind):
    done = create(old_plane, "default", ORDINARY[kind], "--dry-run=server")
    assert done.returncode == 0, done.stderr


def test_two_servers_of_one_control_plane_one_without_the_features(minor, tmp_path):
    """The webhook asks one and believes that the sandbox is kept; the other drops it, and refuses the pod."""
    if minor < 33:
        pytest.skip("no server of this release keeps hostUsers by default")
    with ControlPlane(ASSETS, tmp_path / "plane") as plane, \
            ControlPlane(ASSETS, tmp_path / "other", without_features(minor), beside=plane) as other:
        plane.start_controllers()
        wait_until(plane.has_service_accounts, "service accounts")
        with install(plane, tmp_path / "webhook") as server:
            wait_until(lambda: server.ops("/readyz").status == 200, "the webhook is ready")
            wait_until(lambda: REFUSED in create(other, "default", pod("there"), "--dry-run=server").stderr,
                       "the other server has both the webhook and the policy")
            done = create(other, "default", pod("there"))
            assert done.returncode == 1 and REFUSED in done.stderr
            assert plane.kubectl("get", "pod", "there", code=None).returncode == 1
            assert is_sandboxed(json.loads(create(plane, "default", pod("here")).stdout))
            # Upgraded, it stores what the first one stores.
            other.apiserver.stop()
            other.flags = []
            other.start_apiserver()
            assert is_sandboxed(json.loads(create(other, "default", pod("there")).stdout))


def test_a_pod_that_was_sandboxed_offline_is_refused_as_well(old_plane):
    """By mutate, for a cluster that has the features."""
    document, said = mutate("v1.34.0", json.dumps(pod("offline")))
    assert "(supported)" in said
    assert REFUSED in create(old_plane, "default", document, "--dry-run=server").stderr
