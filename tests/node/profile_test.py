"""ConfigMaps that are not the webhook's, and profiles that change."""

import json

import pytest

from node import PROFILES
from workloads import installed_as, pod

KEY = "nsjail-seccomp.json"


@pytest.fixture(scope="module")
def neighbour(pods):
    """A pod of another namespace, that runs."""
    return pods.run(pod("neighbour"))


def other_profile(webhook):
    """A profile that is as good, and another."""
    profile = json.loads(webhook.local("profile", "-o", "json"))
    profile["syscalls"].append({"names": ["getpid"], "action": "SCMP_ACT_ALLOW"})
    return json.dumps(profile)


def weakened(right):
    return '{"defaultAction": "SCMP_ACT_ALLOW"}'


def truncated(right):
    return right[:len(right) // 2]


def stale(right):
    """As another release has it: equal in meaning, other bytes."""
    return json.dumps(json.loads(right), indent=1)


@pytest.mark.parametrize("made", [weakened, truncated, stale])
def test_another_config_map(webhook, pods, bare_pods, neighbour, made):
    """A weakened, truncated or stale ConfigMap is refused: Init:Error or Init:CrashLoopBackOff, one line that names both
    digests, the node's file as it was, and a pod of another namespace restarts under it"""
    right = webhook.config_map(bare_pods.namespace)
    file, digest = installed_as(pods.get(neighbour))
    (PROFILES / file).unlink()  # a new node, as far as the newcomer is concerned
    bare_pods.kubectl("create", "-f", "-", stdin=json.dumps({**right, "data": {KEY: made(right["data"][KEY])}}))
    bare_pods.create(pod("refused"))
    bare_pods.wait_for_line("refused", "install-seccomp: ", "sha256 is ", f"expected {digest}")
    bare_pods.wait_for_status("refused", "Init:Error", "Init:CrashLoopBackOff")
    assert not (PROFILES / file).exists()
    (PROFILES / file).write_text(right["data"][KEY])
    pods.kill(neighbour)
    assert pods.status(neighbour)["Seccomp"] == "2"
    # The right one in its place: immutable, so not changed. The pod goes on by itself.
    bare_pods.kubectl("delete", "configmap", right["metadata"]["name"])
    bare_pods.kubectl("create", "-f", "-", stdin=json.dumps(right))
    bare_pods.wait_until_ready("refused")


def test_upgrade_to_another_profile(webhook, pods, neighbour, configured):
    """An upgrade with another profile: pods of the old one restart under theirs, new ones run under the new, side by side"""
    old_file, old_digest = installed_as(pods.get(neighbour))
    configured(profile=other_profile(webhook))
    webhook.give_profile(pods.namespace)
    pods.run(pod("of-the-new-release"))
    new_file, new_digest = installed_as(pods.get("of-the-new-release"))
    assert new_digest != old_digest and new_file != old_file
    assert {old_file, new_file} <= {path.name for path in PROFILES.iterdir()}
    for name in (neighbour, "of-the-new-release"):
        pods.kill(name)
        assert pods.status(name)["Seccomp"] == "2"
    assert installed_as(pods.get(neighbour)) == (old_file, old_digest)
