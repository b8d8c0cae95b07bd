"""How the profile reaches the node, other than by a ConfigMap."""

import shutil

from node import PROFILES
from sandbox_test import NSJAIL
from workloads import installed_as, pod


def assert_sandboxed(pods, name):
    stored = pods.get(name)
    file, digest = installed_as(stored)
    assert digest in file and (PROFILES / file).exists()
    assert pods.status(name)["Seccomp"] == "2"
    if not (pods.node.state / "images/without-nsjail").exists():
        assert pods.execute(name, *NSJAIL, "/bin/echo", "jailed").stdout == "jailed\n"
    return stored


def test_annotation(bare_pods, configured):
    """delivery: annotation: the pod brings the profile along, in a namespace without a ConfigMap, to a node without a file"""
    configured(seccomp={"delivery": "annotation"})
    shutil.rmtree(PROFILES, ignore_errors=True)
    stored = assert_sandboxed(bare_pods, bare_pods.run(pod("annotated")))
    assert [each["name"] for each in stored["spec"]["initContainers"]] == ["install-seccomp"]


def test_preinstalled(bare_pods, webhook, configured):
    """delivery: preinstalled: with the profile put on the node by hand the pod runs, without an init container or a volume"""
    configured(seccomp={"delivery": "preinstalled"})
    name = f"nsjail-seccomp-{webhook.local('profile', '-o', 'sha256').strip()}.json"
    PROFILES.mkdir(parents=True, exist_ok=True)
    (PROFILES / name).write_text(webhook.local("profile", "-o", "json"))
    stored = assert_sandboxed(bare_pods, bare_pods.run(pod("preinstalled")))
    assert "initContainers" not in stored["spec"]
    assert not [each for each in stored["spec"]["volumes"] if "hostPath" in each]


def test_preinstalled_and_missing(bare_pods, webhook, configured):
    """delivery: preinstalled, and nobody installed it: CreateContainerError, cannot load seccomp profile, no such file; the
    pod goes on by itself once the file is there"""
    configured(seccomp={"delivery": "preinstalled"})
    shutil.rmtree(PROFILES, ignore_errors=True)
    bare_pods.create(pod("missing"))
    said = bare_pods.wait_for_event("missing", "Failed: ", "cannot load seccomp profile")
    assert "no such file or directory" in said, said
    bare_pods.wait_for_status("missing", "CreateContainerError")
    file, _ = installed_as(bare_pods.get("missing"))
    PROFILES.mkdir(parents=True, exist_ok=True)
    (PROFILES / file).write_text(webhook.local("profile", "-o", "json"))
    bare_pods.wait_until_ready("missing")
