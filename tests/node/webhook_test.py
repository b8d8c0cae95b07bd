"""The webhook's own pods come and go under load: no pod that is created meanwhile is lost, or left unsandboxed."""

import base64
import collections
import contextlib
import json
import os
import threading
import time

import pytest

from images import TAGS
from installation import FILES, NAME, answer, with_arguments
from node import wait_until
from workloads import pod

CLIENTS = 3
ROTATIONS = int(os.environ.get("NODE_ROTATIONS", "2"))
LONGEST = 120 + 60 * ROTATIONS  # seconds of load
# Lives of a CA and of a certificate, how long a CA is in the bundle before its first one, how often that is looked at, and by how
# much clocks may differ.
SECONDS = (45, 15, 4, 1, 3)


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


def assert_undisturbed(webhook, replicas):
    """No replica was replaced, started again, or found unready by the kubelet."""
    def state(replica):
        ready = next(each for each in replica["status"]["conditions"] if each["type"] == "Ready")
        (container,) = replica["status"]["containerStatuses"]
        return replica["metadata"]["uid"], container["restartCount"], ready["status"], ready["lastTransitionTime"]
    assert [state(each) for each in webhook.replicas()] == [state(each) for each in replicas]


def bundle(node):
    """The caBundle, in PEM."""
    configuration = node.get_json("mutatingwebhookconfiguration", NAME)
    return base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"]).decode()


def test_certificate_of_files_renewed(node, webhook, tmp_path, load):
    """A certificate of a Secret (source: files): a new one comes through the kubelet to each replica, without a restart, and no
    creation is lost"""
    def give_certificate():
        secret = answer("certs", "--out", tmp_path / "certs", "-o", "secret", "--force")
        node.kubectl("apply", "-f", "-", stdin=secret)

    give_certificate()
    both = bundle(node) + (tmp_path / "certs/ca.crt").read_text()
    node.kubectl("patch", "mutatingwebhookconfiguration", NAME, "--type=json", "-p", json.dumps([{
        "op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": base64.b64encode(both.encode()).decode()}]))
    webhook.apply(TAGS[1], **FILES)
    webhook.wait_until_current()
    replicas = webhook.replicas()
    before = [metric(node, each, "certificate_reloads_total") for each in replicas]
    with load():
        give_certificate()
        wait_until(lambda: all(metric(node, each, "certificate_reloads_total") > old for each, old in zip(replicas, before)),
                   "both replicas have it")
    assert_undisturbed(webhook, replicas)
    webhook.apply(TAGS[1])
    webhook.wait_until_current()


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
    assert_undisturbed(webhook, replicas)


def test_managed_certificates_renewed(node, webhook, load):
    """Managed certificates, of CAs that live 45 seconds: while two more come and the first goes (NODE_ROTATIONS=30: thirty), no
    creation is lost, and no replica is restarted or, to the kubelet, unready"""
    # The last test of the file: what the program makes from now on lives no longer.
    webhook.apply(TAGS[1], **with_arguments("--certificate-seconds=" + ",".join(map(str, SECONDS))))
    webhook.wait_until_current()

    def events(name):
        return sum(metric(node, each, f'managed_certificate_events_total{{event="{name}"}}') for each in webhook.replicas())

    def authority():
        secret = node.kubectl("-n", NAME, "get", "secret", f"{NAME}-ca", "-o", "jsonpath={.data.authorities\\.json}", code=None)
        return secret.stdout and json.loads(base64.b64decode(secret.stdout))[-1]["certificate"]

    node.kubectl("-n", NAME, "delete", "secret", f"{NAME}-ca")  # of CAs that live for years
    first = wait_until(authority, "there is one that does not")
    wait_until(lambda: first in bundle(node), "API servers may trust it")
    made = events("authority_made")
    replicas = webhook.replicas()
    with load():
        wait_until(lambda: events("authority_made") >= made + ROTATIONS, f"{ROTATIONS} more were made", LONGEST)
        wait_until(lambda: first not in bundle(node), "the first is gone")
    assert_undisturbed(webhook, replicas)
