"""The webhook's own pods come and go under load: no pod that is created meanwhile is lost, or left unsandboxed."""

import collections
import contextlib
import json
import threading
import time

import pytest

from images import TAGS
from installation import NAME
from node import wait_until
from workloads import pod

CLIENTS = 3
LONGEST = 120  # seconds of load
SECRET = f"{NAME}-tls"


class Load:
    """Creations of code-executor pods, dry-run, one after the other by each client; counts what became of them."""

    def __init__(self, pods):
        self.pods = pods
        self.outcomes = collections.Counter()
        self.lost = []
        self.over = threading.Event()

    def _client(self, number):
        document = pod("load")
        document["metadata"] = {**document["metadata"], "name": f"load-{number}"}
        path = f"/api/v1/namespaces/{self.pods.namespace}/pods?dryRun=All"
        end = time.monotonic() + LONGEST
        while not self.over.wait(0.02) and time.monotonic() < end:
            status, answer = self.pods.node.send("POST", path, document)
            if status == 201 and answer["spec"].get("hostUsers") is False:
                self.outcomes["sandboxed"] += 1
            else:
                self.lost.append((status, answer.get("message", "not sandboxed")))

    def run_until(self, count):
        """Waits until `count` more pods were sandboxed."""
        wanted = self.outcomes["sandboxed"] + count
        wait_until(lambda: self.lost or self.outcomes["sandboxed"] >= wanted, f"{count} more pods")


@pytest.fixture()
def load(pods, webhook):
    @contextlib.contextmanager
    def running():
        made = Load(pods)
        threads = [threading.Thread(target=made._client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            made.run_until(20)
            yield made
            made.run_until(20)
        finally:
            made.over.set()
            for thread in threads:
                thread.join()
        assert not made.lost, made.lost[:5]
        assert made.outcomes["sandboxed"] >= 40
    return running


def test_rollout(node, webhook, load):
    """A rolling update to another image loses no creation"""
    with load():
        webhook.apply(TAGS[1])
        webhook.wait_until_current()
    assert all(each["spec"]["containers"][0]["image"].endswith(TAGS[1]) for each in webhook.replicas())


def test_deleted(node, webhook, load):
    """A replica that the kubelet ends with SIGTERM loses no creation, and ends well within its time: exit code 0"""
    name = webhook.replicas()[0]["metadata"]["name"]
    codes = []

    def ended():
        found = [each for each in webhook.replicas() if each["metadata"]["name"] == name]
        codes.extend(each["state"]["terminated"]["exitCode"] for pod_ in found
                     for each in pod_["status"]["containerStatuses"] if "terminated" in each["state"])
        return not found

    with load():
        # Kept for a moment after it ended, to see how.
        patch = [{"op": "add", "path": "/metadata/finalizers", "value": ["tests.code-executor-webhook/look"]}]
        node.kubectl("-n", NAME, "patch", "pod", name, "--type=json", "-p", json.dumps(patch))
        node.kubectl("-n", NAME, "delete", "pod", name, "--wait=false")
        wait_until(lambda: ended() or codes, "it ended")
        node.kubectl("-n", NAME, "patch", "pod", name, "--type=json",
                     "-p", json.dumps([{"op": "remove", "path": "/metadata/finalizers"}]))
        webhook.wait_until_current()
    assert codes[0] == 0, codes


def test_evicted(node, webhook, load):
    """An eviction loses no creation, and of the second replica it is refused as long as the first is not replaced"""
    first, second = (each["metadata"]["name"] for each in webhook.replicas())

    def evict(name):
        return node.send("POST", f"/api/v1/namespaces/{NAME}/pods/{name}/eviction", {
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": NAME}})

    with load():
        assert evict(first)[0] == 201
        assert evict(second)[0] == 429
        webhook.wait_until_current()
    assert second in [each["metadata"]["name"] for each in webhook.replicas()]


def metric(node, replica, name):
    """A figure of a replica, by its own address."""
    text = node.run("busybox", "wget", "-qO-", f"http://{replica['status']['podIP']}:8080/metrics").stdout
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"code_executor_webhook_{name}"))


def test_certificate_renewed(node, webhook, load):
    """A new certificate comes through the kubelet to each replica, without a restart, and no creation is lost"""
    if node.kubectl("-n", NAME, "get", "secret", SECRET, code=None).returncode:
        pytest.skip("the manifests leave no certificate to their users")
    replicas = webhook.replicas()
    before = [metric(node, each, "certificate_reloads_total") for each in replicas]
    with load():
        webhook.give_certificate()
        wait_until(lambda: all(metric(node, each, "certificate_reloads_total") > old for each, old in zip(replicas, before)),
                   "both replicas have it")
    assert [each["metadata"]["uid"] for each in webhook.replicas()] == [each["metadata"]["uid"] for each in replicas]
    assert not any(each["status"]["containerStatuses"][0]["restartCount"] for each in webhook.replicas())


def test_configuration_renewed(node, webhook, pods, load):
    """A changed configuration comes through the kubelet to each replica, without a restart, and no creation is lost"""
    replicas = webhook.replicas()
    before = [metric(node, each, "config_reloads_total") for each in replicas]
    with load():
        webhook.write_config(seccomp={"delivery": "annotation"})
        webhook.apply(TAGS[1])
        wait_until(lambda: all(metric(node, each, "config_reloads_total") > old for each, old in zip(replicas, before)),
                   "both replicas have it")
    done = pods.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(pod("annotated")))
    assert "code-executor-webhook/nsjail-seccomp.json" in json.loads(done.stdout)["metadata"]["annotations"]
    assert [each["metadata"]["uid"] for each in webhook.replicas()] == [each["metadata"]["uid"] for each in replicas]
