"""What cloud providers do to pods: AlwaysPullImages, an admission plugin, and a webhook that gives each container an
identity, called before or after ours. Under the final-state policy."""

import json
import re

import pytest

from conftest import ASSETS
from control_plane import ControlPlane, wait_until
from installed import ROOT, install
from other_webhook import other_webhook
from pods import LABEL, create, is_sandboxed, pod
from policy_cases import load, pod_of

POLICY = ROOT / "manifests/final-state-policy"
ORDERS = ["aaa-before-ours", "zzz-after-ours"]
TOKEN = {"name": "identity-token", "projected": {"sources": [{"serviceAccountToken": {
    "path": "token", "audience": "pods.identity.example.com"}}]}}
MOUNT = {"name": "identity-token", "readOnly": True,
         "mountPath": "/var/run/secrets/pods.identity.example.com/serviceaccount"}
ENV = [{"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://169.254.170.23/v1/credentials"},
       {"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "value": f"{MOUNT['mountPath']}/token"}]


def add_identity(document):
    """As EKS' pod identity does: env and a mount for each container and each init container, and the volume, once."""
    spec, patch = document["spec"], []
    for kind in ("containers", "initContainers"):
        for number, container in enumerate(spec.get(kind, [])):
            where = f"/spec/{kind}/{number}"
            if ENV[0] not in container.get("env", []):
                patch.append({"op": "add", "path": f"{where}/env", "value": container.get("env", []) + ENV})
            if MOUNT not in container.get("volumeMounts", []):
                patch.append({"op": "add", "path": f"{where}/volumeMounts",
                              "value": container.get("volumeMounts", []) + [MOUNT]})
    if TOKEN["name"] not in [volume["name"] for volume in spec.get("volumes", [])]:
        patch.append({"op": "add", "path": "/spec/volumes", "value": [*spec.get("volumes", []), TOKEN]})
    return patch


@pytest.fixture(scope="module")
def cloud(minor, tmp_path_factory):
    """A control plane with the plugin, the webhook and the final-state policy."""
    if minor < 33:
        pytest.skip("nothing is sandboxed on this release")
    directory = tmp_path_factory.mktemp("cloud")
    with ControlPlane(ASSETS, directory / "plane", ["--enable-admission-plugins=AlwaysPullImages"]) as plane:
        plane.start_controllers()
        wait_until(plane.has_service_accounts, "service accounts")
        with install(plane, directory / "webhook") as plane.webhook:
            wait_until(lambda: plane.webhook.ops("/readyz").status == 200, "the webhook is ready")
            plane.kubectl("apply", "-k", POLICY)
            privileged = pod("probe", target={"securityContext": {"privileged": True}})
            wait_until(lambda: "final-state" in create(plane, "default", privileged, "--dry-run=server").stderr,
                       "the policy is in force")
            wait_until(lambda: create(plane, "default", pod("probe"), "--dry-run=server").returncode == 0,
                       "the webhook is called")
            yield plane


@pytest.fixture(scope="module", params=ORDERS)
def identity(cloud, request):
    def is_called():
        done = create(cloud, "default", pod("probe", labels={"identity": "on"}), "--dry-run=server")
        return done.returncode == 0 and "pods.identity.example.com" in done.stdout

    with other_webhook(cloud, cloud.webhook.keys, request.param, add_identity, identity="on"):
        wait_until(is_called, "the API server calls the webhook for identities")
        yield request.param


def assert_whole(stored):
    assert is_sandboxed(stored), json.dumps(stored["spec"])
    spec = stored["spec"]
    installer = spec["initContainers"][0]
    assert {each["imagePullPolicy"] for each in spec["initContainers"] + spec["containers"]} == {"Always"}
    assert ENV[0] in spec["containers"][0]["env"]
    assert [mount["mountPath"] for mount in installer["volumeMounts"]][:2] == ["/seccomp-profile", "/host-seccomp"]
    for kind in ("containers", "initContainers", "volumes"):
        names = [each["name"] for each in spec[kind]]
        assert len(names) == len(set(names))


def again(stored, name):
    """A pod as it is stored, asked for once more: what a backup holds."""
    kept = {key: stored["metadata"].get(key, {}) for key in ("labels", "annotations")}
    text = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **kept}, "spec": stored["spec"]})
    return json.loads(text)


def comparable(stored):
    return json.loads(re.sub(r"kube-api-access-\w+", "kube-api-access", json.dumps(stored["spec"])))


def test_pods_of_a_deployment_end_up_sandboxed(cloud, identity):
    name = f"cloud-{identity}"
    labels = {**LABEL, "identity": "on", "app": name}
    cloud.kubectl("apply", "-f", "-", stdin=json.dumps({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": labels}, "spec": pod("p")["spec"]}}}))
    made = wait_until(lambda: len(found := cloud.get_json("pods", "-l", f"app={name}")["items"]) == 2 and found,
                      "the ReplicaSet made its pods")
    for each in made:
        assert_whole(each)


def test_admission_ends_where_it_ended_before(cloud, identity):
    first = json.loads(create(cloud, "default", pod(f"first-{identity}", labels={"identity": "on"})).stdout)
    assert_whole(first)
    for number in range(3):
        done = create(cloud, "default", again(first, f"again-{identity}-{number}"))
        assert done.returncode == 0, done.stderr
        assert comparable(json.loads(done.stdout)) == comparable(first)


def test_each_webhook_is_asked_no_more_than_twice(cloud, identity):
    counted = "admission_duration_seconds_count"
    before = cloud.webhook.metrics()[counted]
    assert create(cloud, "default", pod("counted", labels={"identity": "on"}), "--dry-run=server").returncode == 0
    assert cloud.webhook.metrics()[counted] - before <= 2


OF_010 = {name: case for name, _, case in load() if name == "sandboxed by release 0.1.0"}


@pytest.mark.parametrize("name", OF_010)
def test_pods_of_release_010_are_brought_up_to_date(cloud, identity, name):
    document, _ = pod_of(OF_010[name], f"of-010-{identity}")
    document["metadata"]["labels"]["identity"] = "on"
    done = create(cloud, "default", document)
    assert done.returncode == 0, done.stderr
    stored = json.loads(done.stdout)
    assert_whole(stored)
    profile = stored["spec"]["containers"][0]["securityContext"]["seccompProfile"]["localhostProfile"]
    assert re.fullmatch(r"profiles/nsjail-seccomp-[0-9a-f]{64}\.json", profile)
    asked = json.loads(create(cloud, "default", again(stored, f"of-010-{identity}-again")).stdout)
    assert comparable(asked) == comparable(stored)
