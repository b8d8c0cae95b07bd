"""Another mutating webhook, called before or after ours, that adds containers and a volume."""

import json

import pytest

from control_plane import wait_until
from other_webhook import other_webhook
from pods import create, is_sandboxed, pod

ORDERS = ["aaa-before-ours", "zzz-after-ours"]
MESH = {"containers": "mesh", "volumes": "mesh", "initContainers": "mesh-init"}


def add_mesh(document):
    """What service meshes add: a sidecar first, an init container first, and a volume."""
    spec = document["spec"]
    if "mesh" in [each["name"] for each in spec["containers"]]:
        return []
    init = {"name": "mesh-init", "image": "mesh:1"}
    has_init = "initContainers" in spec
    return [{"op": "add", "path": "/spec/containers/0", "value": {"name": "mesh", "image": "mesh:1"}},
            {"op": "add", "path": "/spec/volumes/-", "value": {"name": "mesh", "emptyDir": {}}},
            {"op": "add", "path": "/spec/initContainers" + ("/0" if has_init else ""),
             "value": init if has_init else [init]}]


def ours_and_theirs(stored):
    """{list: {name: member}} of a stored pod, with the random name of the token's volume made plain."""
    text = json.dumps(stored["spec"])
    for volume in stored["spec"]["volumes"]:
        if volume["name"].startswith("kube-api-access-"):
            text = text.replace(volume["name"], "kube-api-access")
    return {kind: {each["name"]: each for each in json.loads(text).get(kind, [])} for kind in MESH}


@pytest.fixture(scope="module")
def stored_in_each_order(plane, webhook, namespace):
    stored = {}
    for order in ORDERS:
        def created():
            done = create(plane, namespace, pod("both", labels={"mesh": "on"}), "--dry-run=server")
            found = json.loads(done.stdout) if done.returncode == 0 else None
            return found if found and "mesh" in [c["name"] for c in found["spec"]["containers"]] else None

        with other_webhook(plane, webhook.keys, order, add_mesh, mesh="on"):
            stored[order] = wait_until(created, "the API server calls the other webhook")
    return stored


@pytest.mark.parametrize("order", ORDERS)
def test_the_pod_carries_one_of_everything(stored_in_each_order, minor, order):
    stored = stored_in_each_order[order]
    for kind, theirs in MESH.items():
        names = [each["name"] for each in stored["spec"][kind]]
        assert len(names) == len(set(names)) and theirs in names
    if minor < 33:
        target = next(c for c in stored["spec"]["containers"] if c["name"] == "code-executor")
        assert target["securityContext"] == {"privileged": True}
        return
    # Which init container is first is for the order of the webhooks to say.
    stored["spec"]["initContainers"].sort(key=lambda c: c["name"] != "install-seccomp")
    assert is_sandboxed(stored)


def test_both_orders_give_the_same(stored_in_each_order):
    before, after = (ours_and_theirs(stored_in_each_order[order]) for order in ORDERS)
    assert before == after
