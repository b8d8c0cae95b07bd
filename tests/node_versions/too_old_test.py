"""Nodes that are older than README asks for: that no pod runs there, and in which words."""

from runbook_test import assert_in_runbook
from sandboxed import assert_refused, container_runtime

NO_USER_NAMESPACES = "runtime does not support user namespaces"


def assert_runtime_refuses(pods, words, asks_for):
    """No pod starts, in words of the runbook, and the doctor fails the runtime, and says what is asked for."""
    assert_refused(pods, words)
    assert_in_runbook(f"FailedCreatePodSandBox … {words}")
    found = container_runtime()
    assert found["status"] == "fail" and asks_for in found["meaning"], found


def test_older_containerd(start):
    """kubelet {newest}, containerd {older_containerd}, runc {oldest_runc}: FailedCreatePodSandBox, runtime does not support user
    namespaces; no container starts, and the doctor asks for a newer containerd"""
    assert_runtime_refuses(start(containerd="older", runc="oldest"), NO_USER_NAMESPACES, "upgrade to containerd 2.0")


def test_older_runc(start):
    """kubelet {newest}, containerd {oldest_containerd}, runc {older_runc}: the same words, and the doctor asks for a newer OCI
    runtime"""
    assert_runtime_refuses(start(containerd="oldest", runc="older"), NO_USER_NAMESPACES, "upgrade to runc 1.2 or crun 1.9")


def test_older_crun(start):
    """kubelet {newest}, containerd {containerd}, crun 1.8.1 of Debian 12: the same"""
    assert_runtime_refuses(start(crun="installed"), NO_USER_NAMESPACES, "upgrade to runc 1.2 or crun 1.9")


def test_older_containerd_and_oldest_kubelet(start):
    """kubelet {oldest_kubelet}, containerd {older_containerd}, runc {oldest_runc}: FailedCreatePodSandBox, the handler "" is not
    known; no container starts, and the doctor asks for a newer containerd"""
    assert_runtime_refuses(start(kubelet="oldest", containerd="older", runc="oldest"), 'the handler "" is not known',
                           "upgrade to containerd 2.0")


def test_older_runc_and_oldest_kubelet(start):
    """kubelet {oldest_kubelet}, containerd {oldest_containerd}, runc {older_runc}: FailedCreatePodSandBox, RuntimeClass handler ""
    does not support user namespaces; no container starts, and the doctor asks for a newer OCI runtime"""
    assert_runtime_refuses(start(kubelet="oldest", containerd="oldest", runc="older"),
                           'RuntimeClass handler "" does not support user namespaces', "upgrade to runc 1.2 or crun 1.9")


def test_older_kubelet(start):
    """kubelet {older_kubelet}, containerd {oldest_containerd}, runc {oldest_runc}: FailedCreatePodSandBox, the feature gate
    "UserNamespacesSupport" is disabled; no container starts"""
    words = 'the feature gate "UserNamespacesSupport" is disabled'
    assert_refused(start(kubelet="older", containerd="oldest", runc="oldest"), words)
    assert_in_runbook(f"FailedCreatePodSandBox … {words}")
