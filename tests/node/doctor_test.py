"""manifests/doctor, on a good node and on a bad one."""

import json

import pytest

from installation import answer, apply_doctor
from node import PROFILES, wait_until
from runbook_test import UNMAPPABLE, mounted
from workloads import Pods

NAME = "code-executor-webhook-doctor"


@pytest.fixture()
def doctor(node, webhook, tmp_path):
    """Its pods, once they are asked for."""
    directory = node.state / "doctor"

    def ask():
        apply_doctor(node, directory)
        return Pods(node, NAME)
    yield ask
    node.kubectl("delete", "-k", directory, "--wait=true")


def the_pod(node):
    return wait_until(lambda: node.get_json("pods", "-n", NAME)["items"], "the doctor's pod is there")[0]["metadata"]["name"]


def test_good_node(node, doctor):
    """A good node: the DaemonSet is rolled out, and the report in its log has no failed check"""
    pods = doctor()
    pods.kubectl("rollout", "status", f"daemonset/{NAME}", "--timeout=90s")
    report = pods.said(the_pod(node), "doctor")
    checks = {line.split()[1]: line.split()[0] for line in report.splitlines()}
    assert checks["idmap-kubelet"] == checks["user-namespaces"] == checks["kernel"] == "pass", report
    assert "fail" not in checks.values(), report


def test_kubelet_root(node, webhook):
    """On the node itself the doctor finds the kubelet and its directory, and says so where pods would install to another one"""
    report = answer("doctor", "-o", "json")
    found = {each["id"]: each for each in json.loads(report)["checks"]}["kubelet-root"]
    assert (found["status"], found["found"]) == ("pass", "/var/lib/kubelet")
    elsewhere = answer("doctor", "-o", "json", "--kubelet-root", node.state, code=1)
    found = {each["id"]: each for each in json.loads(elsewhere)["checks"]}["kubelet-root"]
    assert found["status"] == "fail" and "set sandbox.seccomp.kubeletSeccompDir" in found["meaning"]


def test_container_runtime(node, webhook):
    """On the node itself the doctor asks containerd for its version and whether it has user namespaces, over its CRI socket"""
    found = {each["id"]: each for each in json.loads(answer("doctor", "-o", "json"))["checks"]}["container-runtime"]
    assert found["status"] == "pass" and found["found"].startswith("containerd v2."), found


def test_bad_node(node, doctor):
    """A node whose seccomp directory cannot be id-mapped: Init:Error or Init:CrashLoopBackOff, and the report says which check"""
    with mounted(node, UNMAPPABLE, PROFILES.parent):
        pods = doctor()
        name = the_pod(node)
        pods.wait_for_status(name, "Init:Error", "Init:CrashLoopBackOff")
        failed = [line.split()[1] for line in pods.said(name, "doctor").splitlines() if line.startswith("fail")]
        assert failed == ["idmap-kubelet"], pods.said(name, "doctor")
