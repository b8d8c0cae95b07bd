"""What the real binary knows of nodes: by an API server of our own, whose lists and watches are scripted.

Needs WEBHOOK_BINARY.
"""

import base64
import contextlib
import json

import pytest

from fake_kube_apiserver import FakeApiServer, answer_raw
from fake_nodes import NODES, RUNTIME_CLASSES, FakeNodes, node, runtime_class
from webhook_server import WebhookServer, wait_until

OLD = "5.15.0-100-generic"  # a kernel whose tmpfs cannot be id-mapped


@pytest.fixture()
def api(keys):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key") as server:
        yield server


@pytest.fixture()
def start(api, keys, tmp_path):
    """Starts a server that asks `api`; all of them end with the test."""
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": api.url, "certificate-authority": str(keys / "ca.crt")}}],
        "users": [{"name": "u", "user": {"token": "t"}}]}))
    with contextlib.ExitStack() as servers:
        yield lambda *flags: servers.enter_context(WebhookServer(keys, "--kubeconfig", path, *flags, version=None))


def said_of_nodes(server):
    """The line of /readyz?verbose, without its beginning."""
    for line in server.ops("/readyz?verbose").body.decode().splitlines():
        if line.startswith("[+]nodes ok: "):
            return line.removeprefix("[+]nodes ok: ")
    return None


def counts(server):
    metrics = server.metrics()
    return tuple(int(metrics[f'nodes{{state="{state}"}}']) for state in ("good", "bad", "unknown"))


def awareness(server):
    """The one state that is 1."""
    metrics = server.metrics()
    (state,) = [each for each in ("known", "not_known", "off") if metrics[f'node_awareness{{state="{each}"}}']]
    return state


def wait_for_counts(server, *expected):
    wait_until(lambda: counts(server) == expected, f"nodes are {expected}")


def review(server, **spec):
    """What becomes of a pod: its patch and its warnings, as text."""
    wait_until(lambda: server.ops("/readyz").status == 200, "the version is known")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"},
           "spec": {"containers": [{"name": "code-executor", "image": "code-executor:1"}], **spec}}
    answer = server.post(json.dumps({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
                    "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": "ns",
                    "operation": "CREATE", "object": pod}})).json()["response"]
    return base64.b64decode(answer.get("patch", "")).decode() + " ".join(answer.get("warnings", []))


def test_what_changes_of_the_nodes_is_known_at_once(api, start):
    nodes = FakeNodes(api, [node(f"node-{number:03}") for number in range(60)] + [node("old-1", OLD)])
    server = start()
    server.wait_for_log("nodes: known: 60 good, 1 bad, 0 unknown")
    assert awareness(server) == "known" and counts(server) == (60, 1, 0)
    assert said_of_nodes(server) == "60 good, 1 bad, 0 unknown"
    nodes.put(node("old-2", OLD))
    wait_for_counts(server, 60, 2, 0)
    nodes.put(node("old-2"))
    wait_for_counts(server, 61, 1, 0)
    nodes.delete("old-1")
    wait_for_counts(server, 61, 0, 0)
    nodes.put(node("rhel", "5.14.0-427.13.1.el9_4.x86_64"))
    wait_for_counts(server, 61, 0, 1)
    assert len(server.logged("nodes: ")) == 1, "nothing else is said"


def test_pods_are_kept_off_bad_nodes_as_they_are_now(api, start):
    nodes = FakeNodes(api, [node("good"), node("bad", OLD)])
    server = start()
    wait_for_counts(server, 1, 1, 0)
    assert '"bad"' in review(server)
    nodes.put(node("bad"))
    wait_for_counts(server, 2, 0, 0)
    assert '"bad"' not in review(server)


def test_the_handler_of_a_runtime_class_is_known_and_changes(api, start):
    handlers = [{"name": "", "features": {"userNamespaces": True}}, {"name": "old", "features": {"userNamespaces": False}}]
    nodes = FakeNodes(api, [node("both", status={"runtimeHandlers": handlers})])
    nodes.put(runtime_class("of-nodes", "old"))
    server = start()
    wait_for_counts(server, 1, 0, 0)
    wait_until(lambda: "both" in review(server, runtimeClassName="of-nodes"), "the only node is bad for the class")
    assert "both" not in review(server)
    assert "both" not in review(server, runtimeClassName="not-there")
    nodes.put(runtime_class("of-nodes", "new"))
    wait_until(lambda: "both" not in review(server, runtimeClassName="of-nodes"), "its handler is another now")
    nodes.put(runtime_class("late", "old"))
    wait_until(lambda: "both" in review(server, runtimeClassName="late"), "a new class is known")
    nodes.delete("late", RUNTIME_CLASSES)
    wait_until(lambda: "both" not in review(server, runtimeClassName="late"), "it is gone")


def test_a_watch_goes_on_and_after_410_all_is_listed_anew(api, start):
    nodes = FakeNodes(api, [node("a")])
    server = start()
    wait_for_counts(server, 1, 0, 0)

    def lists():
        return len([each for each in api.requests() if each.path == f"{NODES}?limit=25"])

    api.wait_for_request(lambda each: each.path.startswith(f"{NODES}?watch=1"))
    before = lists()
    nodes.end_watches()
    nodes.put(node("b"))
    wait_for_counts(server, 2, 0, 0)
    assert lists() == before
    nodes.end_watches(forget=True)
    nodes.put(node("c", OLD))
    wait_for_counts(server, 2, 1, 0)
    wait_until(lambda: lists() > before, "all is listed anew")
    watches = [each.path for each in api.requests() if each.path.startswith(f"{NODES}?watch=1")]
    assert all("&allowWatchBookmarks=true&" in each and "&timeoutSeconds=1" in each for each in watches)


def test_without_the_right_nodes_are_not_known_which_is_neither_bad_nor_unready(api, start):
    nodes = FakeNodes(api, [node("bad", OLD)])
    nodes.refused = {NODES, RUNTIME_CLASSES}
    server = start()
    why = f"GET {api.url}{NODES}: status 403 (expected a role that allows list and watch on it, as the ClusterRole of manifests/base does)"
    (entry,) = server.wait_for_log(f"nodes: not known: {why}")
    assert entry["level"] == "warning"
    wait_until(lambda: said_of_nodes(server).startswith(f"not known; nodes: {why}; RuntimeClasses: GET "), "both are refused")
    assert awareness(server) == "not_known" and counts(server) == (0, 0, 0)
    # Which also asks for readiness.
    assert "hostUsers" in review(server) and "bad" not in review(server)
    api.wait_for_more_requests(3)
    assert len(server.logged("nodes: not known")) == 1

    nodes.refused = set()
    server.wait_for_log("nodes: known: 0 good, 1 bad, 0 unknown")
    wait_until(lambda: said_of_nodes(server) == "0 good, 1 bad, 0 unknown", "there is no problem left")
    assert awareness(server) == "known"

    nodes.refused = {NODES}
    nodes.end_watches(forget=True)
    wait_until(lambda: len(server.logged("nodes: not known")) == 2, "it is said again")
    wait_until(lambda: awareness(server) == "not_known", "nodes are not known any more")
    assert counts(server) == (0, 0, 0)
    nodes.refused = set()
    wait_until(lambda: len(server.logged("nodes: known")) == 2, "it is said again")
    wait_for_counts(server, 0, 1, 0)


def test_while_the_api_server_is_away_nodes_are_as_they_were(api, start):
    nodes = FakeNodes(api, [node("good"), node("bad", OLD)])
    server = start()
    wait_for_counts(server, 1, 1, 0)
    answers, api.script = api.script, answer_raw()
    nodes.end_watches()
    server.wait_for_log("nodes: stay as they were: GET ")
    assert counts(server) == (1, 1, 0) and awareness(server) == "known"
    assert "nodes: GET " in said_of_nodes(server)
    api.script = answers
    server.wait_for_log("nodes: the API server answers again")
    nodes.put(node("new"))
    wait_for_counts(server, 2, 1, 0)
    wait_until(lambda: said_of_nodes(server) == "2 good, 1 bad, 0 unknown", "both watches go on")


def test_awareness_can_be_turned_off(api, start, tmp_path):
    FakeNodes(api, [node("bad", OLD)])
    config = tmp_path / "config.yaml"
    config.write_text("cluster: {nodeAwareness: false}\n")
    server = start("--config", config)
    wait_until(lambda: server.ops("/readyz").status == 200, "it is ready")
    assert said_of_nodes(server) == "not looked at"
    assert awareness(server) == "off" and counts(server) == (0, 0, 0)
    assert not [each for each in api.requests() if each.path.startswith((NODES, RUNTIME_CLASSES))]


def test_without_an_api_server_to_ask_nodes_are_not_looked_at(keys):
    with WebhookServer(keys) as server:
        assert said_of_nodes(server) == "not looked at"
        assert awareness(server) == "off"
        assert server.logged("nodes: not looked at: ")


def test_a_stop_does_not_wait_for_a_watch(api, start, tmp_path):
    FakeNodes(api, [node("a")])
    config = tmp_path / "config.yaml"
    config.write_text("server: {shutdownDelay: 0s}\n")
    server = start("--config", config)
    wait_for_counts(server, 1, 0, 0)
    assert server.stop() == 0
