"""What README asks of a node, and no newer."""

import re

from node import ROOT
from proof import VERSIONS
from sandboxed import assert_runs, container_runtime

README = (ROOT / "README.md").read_text()


def minor(name):
    return re.match(r"\d+\.\d+", VERSIONS[name])[0]


def test_oldest(start):
    """kubelet {oldest_kubelet}, containerd {oldest_containerd}, runc {oldest_runc}, the oldest that README asks for: pods of
    `delivery: annotation` and `preinstalled` run, with the filter, ids of their own and a jail of bubblewrap and of nsjail, and
    the doctor passes the runtime"""
    assert f"Since Kubernetes {minor('oldest_kubelet')}" in README
    assert f"containerd {minor('oldest_containerd')} or CRI-O 1.25, runc {minor('oldest_runc')} or crun 1.9" in README
    pods = start(kubelet="oldest", containerd="oldest", runc="oldest")
    found = container_runtime()
    assert (found["status"], found["found"]) == ("pass", f"containerd v{VERSIONS['oldest_containerd']}"), found
    assert_runs(pods)


def test_newest_kubelet(start):
    """The same runtimes with kubelet {newest}: the same"""
    pods = start(containerd="oldest", runc="oldest")
    assert container_runtime()["status"] == "pass"
    assert_runs(pods)


def test_crun(start):
    """kubelet {newest}, containerd {containerd}, crun {newer_crun}: the same"""
    pods = start(crun="newer")
    assert container_runtime()["status"] == "pass"
    assert_runs(pods)


def test_crun_and_oldest(start):
    """kubelet {oldest_kubelet}, containerd {oldest_containerd}, crun {newer_crun}: the same"""
    pods = start(kubelet="oldest", containerd="oldest", crun="newer")
    assert container_runtime()["status"] == "pass"
    assert_runs(pods)
