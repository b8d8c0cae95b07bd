#!/usr/bin/python3
"""`mutate --kubeconfig` lists the nodes of a cluster: the real binary against an API server of our own.

Needs WEBHOOK_BINARY, the program under test.
"""

import json
import os
import subprocess
import urllib.parse

import pytest
import yaml

from cluster_version_test import kubeconfig
from fake_kube_apiserver import FakeApiServer, answer_with, version_info

BINARY = os.environ["WEBHOOK_BINARY"]
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
       "spec": {"containers": [{"name": "code-executor", "image": "i"}], "runtimeClassName": "gvisor"}}


def node(name, kernel="6.8.0", handlers=()):
    features = [{"name": handler, "features": {"userNamespaces": False}} for handler in handlers]
    return {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {"nodeInfo": {"kernelVersion": kernel, "kubeletVersion": "v1.34.1"}, "runtimeHandlers": features}}


def listing(kind, items, more=""):
    return json.dumps({"kind": kind, "metadata": {"continue": more}, "items": items}).encode()


def cluster(pages, classes=answer_with(listing("RuntimeClassList", [])), status=200):
    """A script: a cluster whose nodes come in these pages, each asked for with the token of the one before."""
    def script(handler):
        url = urllib.parse.urlsplit(handler.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path == "/version":
            answer_with(version_info("v1.34.1"))(handler)
        elif url.path == "/apis/node.k8s.io/v1/runtimeclasses":
            classes(handler)
        else:
            assert (url.path, query["limit"]) == ("/api/v1/nodes", ["100"])
            number = int(query.get("continue", ["page/0="])[0].removeprefix("page/").removesuffix("="))
            more = f"page/{number + 1}=" if number + 1 < len(pages) else ""
            answer_with(listing("NodeList", pages[number], more), status)(handler)
    return script


def mutate(server, keys, tmp_path, *arguments):
    """(the pod that comes out, stderr)"""
    config = kubeconfig(tmp_path / "kubeconfig", server.url, keys, user={"token": "t"})
    done = subprocess.run([BINARY, "mutate", "-f", "-", "--kubeconfig", config, *arguments], input=json.dumps(POD),
                          capture_output=True, text=True, timeout=30, check=True)
    return yaml.safe_load(done.stdout), done.stderr


def avoided(pod):
    """What the pod's affinity keeps it off."""
    affinity = pod["spec"].get("affinity")
    if not affinity:
        return []
    required = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    [term] = required["nodeSelectorTerms"]
    [requirement] = term["matchExpressions"]
    assert (requirement["key"], requirement["operator"]) == ("kubernetes.io/hostname", "NotIn")
    return requirement["values"]


def test_nodes_are_listed_page_by_page(keys, tmp_path):
    pages = [[node("a"), node("b", "5.15.0")], [node("c")], [node("d", "5.4.0")]]
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", cluster(pages)) as server:
        pod, stderr = mutate(server, keys, tmp_path)
    assert avoided(pod) == ["b", "d"]
    assert "not known" not in stderr


def test_the_handler_of_the_pods_runtime_class_counts(keys, tmp_path):
    classes = answer_with(listing("RuntimeClassList", [{"metadata": {"name": "gvisor"}, "handler": "runsc"}]))
    pages = [[node("a"), node("b", handlers=["runsc"])]]
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", cluster(pages, classes)) as server:
        pod, _ = mutate(server, keys, tmp_path)
        assert avoided(pod) == ["b"]
        server.script = cluster(pages, answer_with(b"{}", 403))
        pod, stderr = mutate(server, keys, tmp_path)
    assert avoided(pod) == []
    assert "RuntimeClasses are not known: " in stderr and "answered 403" in stderr


@pytest.mark.parametrize("script", [cluster([[node("b", "5.15.0")]], status=403),
                                    answer_with(version_info("v1.34.1"))], ids=["forbidden", "no list"])
def test_without_the_nodes_a_pod_is_decided_as_if_they_did_not_matter(keys, tmp_path, script):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", script) as server:
        pod, stderr = mutate(server, keys, tmp_path)
    assert avoided(pod) == []
    assert pod["spec"]["hostUsers"] is False
    assert "nodes are not known: https://127.0.0.1:" in stderr


def test_pages_without_end_are_no_list(keys, tmp_path):
    def script(handler):
        if handler.path == "/version":
            answer_with(version_info("v1.34.1"))(handler)
        else:
            kind = "NodeList" if "/nodes" in handler.path else "RuntimeClassList"
            answer_with(listing(kind, [], "more"))(handler)

    with FakeApiServer(keys / "tls.crt", keys / "tls.key", script) as server:
        pod, stderr = mutate(server, keys, tmp_path)
    assert avoided(pod) == []
    assert "nodes are not known: https://127.0.0.1:" in stderr and "items: is empty, but there is more" in stderr


def test_no_node_is_asked_for_where_the_configuration_says_so(keys, tmp_path):
    (tmp_path / "config").write_text("cluster: {nodeAwareness: false}\n")
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", cluster([[node("a"), node("b", "5.15.0")]])) as server:
        pod, _ = mutate(server, keys, tmp_path, "--config", tmp_path / "config")
        assert {request.path for request in server.requests()} == {"/version"}
    assert avoided(pod) == []
