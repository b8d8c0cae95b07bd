"""Where pods go: made Node objects, a real kube-scheduler, and the webhook, which keeps pods off nodes that cannot run
the sandbox."""

import itertools
import json

import pytest

from conftest import ASSETS
from control_plane import wait_until
from pods import LABEL, create, is_sandboxed, pod

GOOD, OLD = "6.8.0-45-generic", "5.15.0-100-generic"  # tmpfs takes id-mapped mounts from 6.3 on
POOL = "cloud.google.com/gke-nodepool"
HOSTNAME = "kubernetes.io/hostname"
SANDBOX = "code-executor-webhook/sandbox"
MERGE = "application/merge-patch+json"


class Cluster:
    """The nodes and pods of a test. Nothing is waited for but what the webhook or the scheduler is to know."""

    def __init__(self, plane, webhook, namespace):
        self.plane, self.webhook, self.namespace = plane, webhook, namespace
        self.kernels = {}  # of the nodes, by name
        self.numbers = itertools.count()

    # Nodes

    def wait_until_known(self):
        bad = sum(kernel == OLD for kernel in self.kernels.values())
        want = (len(self.kernels) - bad, bad)

        def known():
            metrics = self.webhook.metrics()
            return tuple(int(metrics[f'nodes{{state="{state}"}}']) for state in ("good", "bad"))
        wait_until(lambda: known() == want, f"the webhook knows {want} nodes", 30)

    def add(self, *names, kernel=GOOD, labels=None, taints=None):
        """Each as its kubelet would register it, but without the taint that it bears until it is ready."""
        for name in names:
            document = {
                "apiVersion": "v1", "kind": "Node",
                "metadata": {"name": name, "labels": {HOSTNAME: name, "kubernetes.io/os": "linux", **(labels or {})}},
                "status": {"capacity": {"cpu": "16", "memory": "64Gi", "pods": "100"},
                           "allocatable": {"cpu": "16", "memory": "64Gi", "pods": "100"},
                           "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
                           "runtimeHandlers": [{"name": "", "features": {"userNamespaces": True}}],
                           "nodeInfo": {"kernelVersion": kernel, "kubeletVersion": self.plane.version["gitVersion"],
                                        "containerRuntimeVersion": "containerd://2.1.4", "osImage": "Debian",
                                        "architecture": "amd64", "operatingSystem": "linux", "kubeProxyVersion": "",
                                        "bootID": "", "machineID": "", "systemUUID": ""}}}
            self.send("POST", "/api/v1/nodes", document)
            self.send("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": taints}})
            self.kernels[name] = kernel
        self.wait_until_known()

    def reboot(self, name, kernel):
        self.send("PATCH", f"/api/v1/nodes/{name}/status", {"status": {"nodeInfo": {"kernelVersion": kernel}}})
        self.kernels[name] = kernel
        self.wait_until_known()

    def send(self, method, path, body=None):
        code, answer = self.plane.send(method, path, body, kind=MERGE if method == "PATCH" else None)
        assert code in (200, 201), answer
        return answer

    def clear(self):
        self.plane.kubectl("delete", "daemonsets,pods", "--all", "-n", self.namespace, "--force", "--grace-period=0")
        for name in self.kernels:
            self.send("DELETE", f"/api/v1/nodes/{name}")
        self.kernels = {}
        self.wait_until_known()

    # Pods

    def create(self, **spec):
        """(what was stored, what was said of it) of a code-executor pod, which is sandboxed in every case."""
        done = create(self.plane, self.namespace, pod(f"pod-{next(self.numbers)}", spec=spec))
        assert done.returncode == 0, done.stderr
        stored = json.loads(done.stdout)
        assert is_sandboxed(stored)
        return stored, done.stderr

    def get(self, stored):
        return self.plane.get_json("pod", stored["metadata"]["name"], "-n", self.namespace)

    def node_of(self, stored):
        """Which the scheduler chooses."""
        return wait_until(lambda: self.get(stored)["spec"].get("nodeName"), "the pod is bound", 30)

    def why_not(self, stored):
        """What the scheduler says where it finds none."""
        def message():
            conditions = self.get(stored)["status"].get("conditions", [])
            return next((each["message"] for each in conditions
                         if each["type"] == "PodScheduled" and each["status"] == "False"), None)
        return wait_until(message, "the scheduler says why the pod is not bound", 30)


def expressions(stored):
    """What each term of the required node affinity has."""
    affinity = stored["spec"].get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {"nodeSelectorTerms": []})
    return [term.get("matchExpressions", []) for term in required["nodeSelectorTerms"]]


def not_in(key, *values):
    return {"key": key, "operator": "NotIn", "values": list(values)}


@pytest.fixture(scope="module", autouse=True)
def scheduler(plane, minor):
    if minor < 33:
        pytest.skip("too old for the sandbox, whatever its nodes are")
    if not (ASSETS / "kube-scheduler").exists():
        pytest.skip(f"no kube-scheduler in {ASSETS} (tests/e2e/build_assets builds it)")
    plane.start_scheduler()
    yield
    plane.scheduler.stop()
    plane.scheduler = None


@pytest.fixture()
def cluster(plane, webhook, namespace):
    made = Cluster(plane, webhook, namespace)
    yield made
    made.clear()


def test_of_a_mixed_cluster_pods_get_the_good_nodes(cluster):
    bad = [f"a-bad-{number}" for number in range(5)]
    cluster.add("a-good")
    cluster.add(*bad, kernel=OLD)
    for _ in range(3):
        stored, said = cluster.create()
        assert expressions(stored) == [[not_in(HOSTNAME, *bad)]] and said == ""
        assert cluster.node_of(stored) == "a-good"


def test_terms_of_the_pods_own_stay_and_each_is_kept_off(cluster):
    cluster.add("b-good-x", labels={"zone": "x"})
    cluster.add("b-bad-x", kernel=OLD, labels={"zone": "x"})
    cluster.add("b-bad-y", kernel=OLD, labels={"zone": "y"})
    cluster.add("b-bad-z", kernel=OLD, labels={"zone": "z"})
    terms = [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]} for zone in "xy"]
    stored, _ = cluster.create(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": terms}}})
    assert expressions(stored) == [[*term["matchExpressions"], not_in(HOSTNAME, "b-bad-x", "b-bad-y")] for term in terms]
    assert cluster.node_of(stored) == "b-good-x"


def test_a_bad_pool_is_avoided_as_one_and_pools_to_come_are_not(cluster):
    cluster.add("c-bad-0", "c-bad-1", kernel=OLD, labels={POOL: "old"})
    # A good node that is away, as one that reboots is: its pods wait for it, and are not sent to the bad ones.
    cluster.add("c-good", labels={POOL: "new"}, taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}])
    stored, said = cluster.create()
    assert expressions(stored) == [[not_in(POOL, "old")]] and said == ""
    assert "affinity" in cluster.why_not(stored)
    # A pool that was not there when the pod was made.
    cluster.add("c-late", labels={POOL: "late"})
    assert cluster.node_of(stored) == "c-late"


def test_an_administrators_label_counts_for_more_than_the_kernel(cluster):
    cluster.add("d-good")
    cluster.add("d-bad", kernel=OLD, labels={SANDBOX: "false"})
    stored, _ = cluster.create()
    assert expressions(stored) == [[not_in(SANDBOX, "false")]]
    assert cluster.node_of(stored) == "d-good"
    cluster.send("PATCH", "/api/v1/nodes/d-good", {"metadata": {"labels": {SANDBOX: "false"}}})
    cluster.send("PATCH", "/api/v1/nodes/d-bad", {"metadata": {"labels": {SANDBOX: "true"}}})
    # A pod that was made before would not go there any more, and one made from now on goes to the other.
    stored, _ = wait_until(lambda: next((tried for tried in [cluster.create()]
                                         if cluster.node_of(tried[0]) == "d-bad"), None), "the labels are known", 30)
    assert expressions(stored) == [[not_in(SANDBOX, "false")]]


def test_nodes_become_bad_and_good_between_two_pods(cluster):
    cluster.add("e-1", "e-2")
    stored, said = cluster.create()
    assert expressions(stored) == [] and said == ""
    cluster.reboot("e-1", OLD)
    stored, _ = cluster.create()
    assert expressions(stored) == [[not_in(HOSTNAME, "e-1")]]
    assert cluster.node_of(stored) == "e-2"
    cluster.reboot("e-1", GOOD)
    cluster.reboot("e-2", OLD)
    stored, _ = cluster.create()
    assert expressions(stored) == [[not_in(HOSTNAME, "e-2")]]
    assert cluster.node_of(stored) == "e-1"


def test_where_all_nodes_are_bad_it_is_said_why(cluster):
    cluster.add("f-bad-0", "f-bad-1", kernel=OLD)
    stored, said = cluster.create()
    assert expressions(stored) == []
    assert "no node that the pod may go to can run it" in said and OLD in said
    assert cluster.node_of(stored).startswith("f-bad-")


def test_without_a_node_the_pod_waits_for_one(cluster):
    stored, said = cluster.create()
    assert expressions(stored) == []
    assert "there is no node now that the pod may go to" in said
    assert "no nodes available" in cluster.why_not(stored)
    cluster.add("g-first")
    assert cluster.node_of(stored) == "g-first"


def test_a_node_that_the_pod_names_is_its_node(cluster):
    cluster.add("h-good")
    cluster.add("h-bad", kernel=OLD)
    for spec in ({"nodeName": "h-bad"}, {"nodeSelector": {HOSTNAME: "h-bad"}}):
        stored, said = cluster.create(**spec)
        assert expressions(stored) == []
        assert "no node that the pod may go to can run it" in said and OLD in said
        assert cluster.node_of(stored) == "h-bad"
    for spec in ({"nodeName": "h-good"}, {"nodeSelector": {HOSTNAME: "h-good"}}):
        stored, said = cluster.create(**spec)
        assert expressions(stored) == [] and said == ""
        assert cluster.node_of(stored) == "h-good"


def test_each_pod_of_a_daemon_set_has_a_node_of_its_own(cluster):
    cluster.add("i-good")
    cluster.add("i-bad", kernel=OLD)
    template = pod("template")
    cluster.plane.kubectl("create", "-n", cluster.namespace, "-f", "-", stdin=json.dumps({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "each-node"},
        "spec": {"selector": {"matchLabels": LABEL},
                 "template": {"metadata": {"labels": LABEL}, "spec": template["spec"]}}}))

    def bound():
        pods = cluster.plane.get_json("pods", "-n", cluster.namespace)["items"]
        return len(pods) == 2 and all(each["spec"].get("nodeName") for each in pods) and pods
    pods = wait_until(bound, "both pods are bound", 30)
    assert {each["spec"]["nodeName"] for each in pods} == {"i-good", "i-bad"}
    for each in pods:
        assert is_sandboxed(each)
        assert expressions(each) == [[]], "one term, by the node's name alone"
