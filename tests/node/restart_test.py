"""What ends on a node comes back as it was."""

import json
import shutil

import pytest

from node import PROFILES, kill, wait_until
from workloads import installed_as, pod


def assert_sandboxed(pods, name):
    status = pods.status(name)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    assert pods.execute(name, "cat", "/proc/self/uid_map").stdout.split()[1] != "0"


@pytest.fixture(scope="module")
def running(pods):
    return pods.run(pod("running"))


def test_six_at_once(node, pods):
    """Six pods at once, on a node without a profile: all run, with one file and no temporary one"""
    shutil.rmtree(PROFILES.parent, ignore_errors=True)
    names = [f"one-of-six-{number}" for number in range(6)]
    for name in names:
        pods.create(pod(name))
    for name in names:
        pods.wait_until_ready(name)
        assert pods.restarts(name) == 0
        assert pods.get(name)["status"]["initContainerStatuses"][0]["restartCount"] == 0
        assert_sandboxed(pods, name)
    file, _ = installed_as(pods.get(names[0]))
    assert [path.name for path in PROFILES.iterdir()] == [file]
    pods.delete(*names)


def test_container_killed(pods, running):
    """SIGKILL of the container: it is started again under the same filter, without its init container"""
    pods.kill(running)
    assert_sandboxed(pods, running)
    assert pods.get(running)["status"]["initContainerStatuses"][0]["restartCount"] == 0


def test_kubelet_killed(node, pods, running):
    """SIGKILL of the kubelet: the pod runs on, a killed container comes back, and new pods start"""
    restarts = pods.restarts(running)
    kill(node.kubelet)
    assert pods.node.run("kill", "-0", node.pid_of(pods.namespace, running)).returncode == 0
    node.start_kubelet()
    assert pods.restarts(running) == restarts
    pods.kill(running)
    assert_sandboxed(pods, running)
    assert_sandboxed(pods, pods.run(pod("after-the-kubelet")))


def test_containerd_killed(node, pods, running):
    """SIGKILL of containerd: the same"""
    restarts = pods.restarts(running)
    kill(node.containerd)
    node.start_containerd()
    wait_until(lambda: node.run("crictl", "ps", code=None).returncode == 0, "the CRI answers")
    assert pods.restarts(running) == restarts
    pods.kill(running)
    assert_sandboxed(pods, running)
    assert_sandboxed(pods, pods.run(pod("after-containerd")))


def test_power_loss(node, webhook, pods, running):
    """Power loss: after the boot the pod runs again, its init container first, and finds the right file whatever its ConfigMap
    is by then; the webhook is ready again"""
    config_map = webhook.config_map(pods.namespace)
    installers = pods.get(running)["status"]["initContainerStatuses"][0]["containerID"]
    # Immutable, so somebody deleted it and made another.
    pods.kubectl("delete", "configmap", config_map["metadata"]["name"])
    pods.kubectl("create", "-f", "-", stdin=json.dumps(
        {**config_map, "data": {"nsjail-seccomp.json": '{"defaultAction": "SCMP_ACT_ALLOW"}'}}))
    node.lose_power()
    node.start_containerd()
    node.start_kubelet()
    wait_until(lambda: pods.get(running)["status"]["initContainerStatuses"][0]["containerID"] != installers,
               "the init container ran again")
    pods.wait_until_ready(running)
    assert "is up to date" in pods.said(running)
    assert_sandboxed(pods, running)
    webhook.wait_until_current()
