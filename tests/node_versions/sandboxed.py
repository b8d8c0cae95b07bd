"""Code-executor pods on a static node: what `mutate` makes, and whether the node runs it."""

import json

import pytest

from images import BUSYBOX
from installation import answer
from node import PROFILES
from sandbox_test import BWRAP, IDS, LOOK, NET_ADMIN, NSJAIL, SYS_ADMIN
from workloads import installed_as, pod

DELIVERIES = ("annotation", "preinstalled")  # those that need no ConfigMap


def create(pods, name, delivery):
    """Creates a pod by one delivery, with the profile on the node where that is left to its administrator."""
    file = pods.node.state / "config.json"
    file.write_text(json.dumps({"sandbox": {"installer": {"image": BUSYBOX}, "seccomp": {"delivery": delivery}}}))
    made = json.loads(answer("mutate", "-f", "-", "-o", "json", "--config", file, "--kube-version", "v1.33.0",
                             stdin=json.dumps(pod(name))))
    assert made["spec"]["hostUsers"] is False
    if delivery == "preinstalled":
        PROFILES.mkdir(parents=True, exist_ok=True)
        (PROFILES / installed_as(made)[0]).write_text(answer("profile", "-o", "json"))
    pods.create(made)
    return made


def assert_runs(pods):
    """Pods of each delivery run under the filter, in a user namespace of their own, and start jails. Ends the test as skipped
    where there was no nsjail to try."""
    without_nsjail = pods.node.images / "without-nsjail"
    for delivery in DELIVERIES:
        made = create(pods, delivery, delivery)
        pods.wait_until_ready(delivery)
        assert (PROFILES / installed_as(made)[0]).exists()
        status = pods.status(delivery)
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        effective = int(status["CapEff"], 16)
        assert effective >> NET_ADMIN & 1 and not effective >> SYS_ADMIN & 1
        first, on_node, size = map(int, pods.execute(delivery, "cat", "/proc/self/uid_map").stdout.split())
        assert (first, size) == (0, IDS) and on_node >= IDS
        for jail in (BWRAP, NSJAIL):
            if jail is NSJAIL and without_nsjail.exists():
                continue
            assert pods.execute(delivery, *jail, *LOOK).stdout.split()[0] == "jail"
        pods.delete(delivery)
    if without_nsjail.exists():
        pytest.skip(f"all but nsjail: {without_nsjail.read_text()}")


def container_runtime():
    """What the doctor finds of the node's runtime."""
    said = json.loads(answer("doctor", "-o", "json", code=None))
    return {each["id"]: each for each in said["checks"]}["container-runtime"]


def assert_refused(pods, *words):
    """No pod of either delivery starts: each is told so by an event with these words, and none of its containers runs."""
    for delivery in DELIVERIES:
        create(pods, delivery, delivery)
        pods.wait_for_event(delivery, "FailedCreatePodSandBox: ", *words)
        assert not any("running" in each["state"] for each in pods.containers(delivery)), pods.shown(delivery)
        assert not pods.node.run("crictl", "ps", "-a", "-q").stdout
        pods.delete(delivery)
