"""Each failure on a node of the runbook, in the words that kubectl shows."""

import contextlib
import json
import re
import shutil

import pytest

from installation import answer
from node import PROFILES, ROOT, wait_until
from workloads import as_it_is, installed_as, pod

RUNBOOK = (ROOT / "docs/operations.md").read_text()
# A file system of the kernel's that has no id-mapped mounts.
UNMAPPABLE = "ramfs"
VERSION = ["--kube-version", "v1.34.3"]


def assert_in_runbook(words):
    """The runbook has a row with these words, between its marks of code."""
    assert words in RUNBOOK, f"docs/operations.md: the runbook has no row with: {words}"


@contextlib.contextmanager
def mounted(node, kind, where):
    """A file system over a directory of the node."""
    where.mkdir(parents=True, exist_ok=True)
    node.run("mount", "-t", kind, "-o", "mode=755", kind, where)
    try:
        yield
    finally:
        node.run("umount", "-l", where)


def sandboxed_by_force(webhook, document):
    """The pod with the whole sandbox, whatever row stands in the way: that of a plain pod, and the given spec."""
    made = json.loads(webhook.local("mutate", "-f", "-", "-o", "json", *VERSION, stdin=json.dumps(pod("plain"))))
    target, wanted = made["spec"]["containers"][0], document["spec"]["containers"][0]
    target["volumeMounts"] = [*target.get("volumeMounts", []), *wanted.get("volumeMounts", [])]
    target["securityContext"].update(wanted.get("securityContext", {}))
    made["spec"]["volumes"] += document["spec"].get("volumes", [])
    made["spec"].setdefault("securityContext", {}).update(document["spec"].get("securityContext", {}))
    made["metadata"]["name"] = document["metadata"]["name"]
    return as_it_is(made)


def last_end(stored):
    """How the init container ended last."""
    (status,) = stored["status"]["initContainerStatuses"]
    return status["state"].get("terminated") or status["lastState"].get("terminated")


def host_path(name, path):
    return pod(name, {"volumes": [{"name": "v", "hostPath": {"path": path}}]},
               {"volumeMounts": [{"name": "v", "mountPath": "/mnt"}]})


def test_without_config_map(webhook, bare_pods):
    """A namespace without the ConfigMap: Init:0/1 and FailedMount, which names it; the pod goes on once it is there"""
    bare_pods.create(pod("waits"))
    name = webhook.config_map(bare_pods.namespace)["metadata"]["name"]
    bare_pods.wait_for_event("waits", "FailedMount: ", f'configmap "{name}" not found')
    bare_pods.wait_for_status("waits", "Init:0/1")
    assert_in_runbook('`FailedMount … configmap "code-executor-seccomp-…" not found`')
    webhook.give_profile(bare_pods.namespace)
    bare_pods.wait_until_ready("waits")


def test_file_gone(pods):
    """The profile's file is gone from the node: at its next start the container shows CreateContainerError, cannot load
    seccomp profile; deleted and made anew, the pod runs"""
    pods.run(pod("loses-its-file"))
    file, _ = installed_as(pods.get("loses-its-file"))
    (PROFILES / file).unlink()
    pods.node.run("kill", "-KILL", pods.node.pid_of(pods.namespace, "loses-its-file"))
    said = pods.wait_for_event("loses-its-file", "Failed: ", "cannot load seccomp profile")
    assert re.search(r"cannot load seccomp profile .*no such file or directory", said), said
    pods.wait_for_status("loses-its-file", "CreateContainerError")
    assert_in_runbook("`CreateContainerError: cannot load seccomp profile … no such file`")
    pods.delete("loses-its-file")
    pods.run(pod("loses-its-file"))


def test_runtime_too_old(node, pods):
    """A runtime without user namespaces (crun 1.8.1): Init:0/1, ContainerCreating without an init container, and
    FailedCreatePodSandBox, which says so; a node tells of it in its status"""
    if "crun" not in node.runtimes:
        pytest.skip("crun is not installed")
    version = node.run("crun", "--version").stdout.split()[2]
    if tuple(map(int, version.split(".")[:2])) >= (1, 9):
        pytest.skip(f"crun {version} has user namespaces")
    handlers = {each["name"]: each["features"] for each in node.get_json("node", "node")["status"]["runtimeHandlers"]}
    assert handlers["runc"]["userNamespaces"] is True and not handlers["crun"].get("userNamespaces")
    pods.kubectl("create", "-f", "-", stdin=json.dumps({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "crun"}, "handler": "crun"}))
    pods.create(pod("too-old", {"runtimeClassName": "crun"}))
    pods.create(as_it_is(pod("preinstalled", {"runtimeClassName": "crun", "hostUsers": False})))
    for name, shown in (("too-old", "Init:0/1"), ("preinstalled", "ContainerCreating")):
        pods.wait_for_event(name, "FailedCreatePodSandBox: ", 'handler "crun" does not support user namespaces')
        pods.wait_for_status(name, shown)
    assert_in_runbook("| `Init:0/1`, or `ContainerCreating` with `delivery: preinstalled`, event `FailedCreatePodSandBox … ")
    assert_in_runbook('`… RuntimeClass handler "…" does not support user namespaces`')
    pods.delete("too-old", "preinstalled")


def test_seccomp_directory_cannot_be_mapped(node, pods):
    """A seccomp directory that the node cannot id-map: install-seccomp shows StartError and says nothing"""
    with mounted(node, UNMAPPABLE, PROFILES.parent):
        pods.create(pod("unmapped"))
        said = pods.wait_for_event("unmapped", "Failed: ", "failed to set MOUNT_ATTR_IDMAP on /var/lib/kubelet/seccomp")
        pods.wait_for_status("unmapped", "Init:StartError", "Init:RunContainerError", "Init:CrashLoopBackOff")
        ended = wait_until(lambda: last_end(pods.get("unmapped")), "it is said how it ended")
        assert ended["reason"] == "StartError" and "MOUNT_ATTR_IDMAP" in ended["message"], said
    assert_in_runbook("failed to set MOUNT_ATTR_IDMAP on /var/lib/kubelet/seccomp`")
    pods.delete("unmapped")


def test_seccomp_directory_is_not_roots(node, pods):
    """A profiles directory of another owner, and a link in its place: refused, with a line that names what is there"""
    kept = PROFILES.with_name("kept")
    PROFILES.rename(kept)
    try:
        PROFILES.symlink_to("/etc")
        pods.create(pod("finds-a-link"))
        pods.wait_for_line("finds-a-link", "install-seccomp: /host-seccomp/profiles: is ", "expected a directory of 0:0")
        PROFILES.unlink()
        PROFILES.mkdir()
        shutil.chown(PROFILES, 1000, 1000)
        pods.create(pod("finds-an-owner"))
        pods.wait_for_line("finds-an-owner", "is 1000:1000", "expected a directory of 0:0")
    finally:
        if PROFILES.is_symlink():
            PROFILES.unlink()
        else:
            shutil.rmtree(PROFILES, ignore_errors=True)
        kept.rename(PROFILES)
    assert_in_runbook("(expected a directory of 0:0 …)`")
    # Back in order, both go on by themselves.
    for name in ("finds-a-link", "finds-an-owner"):
        pods.wait_until_ready(name)


def test_file_of_an_unmapped_owner(pods):
    """A file of an id of the host that no pod has, at the profile's place: refused, with a line that says so"""
    pods.run(pod("first"))
    file, _ = installed_as(pods.get("first"))
    shutil.chown(PROFILES / file, 100000, 100000)
    pods.create(pod("finds-a-foreign-file"))
    pods.wait_for_line("finds-a-foreign-file", "belongs to an id of the host that no pod has")
    (PROFILES / file).unlink()
    pods.wait_until_ready("finds-a-foreign-file")
    assert_in_runbook("`belongs to an id of the host that no pod has`")


def test_full_directory(node, pods):
    """A full seccomp directory: refused, with a line that asks for free space"""
    with mounted(node, "tmpfs", PROFILES.parent):
        node.run("mount", "-o", "remount,size=16k", PROFILES.parent)
        node.run("sh", "-c", f"head -c 16384 /dev/zero >{PROFILES.parent}/full; true")
        pods.create(pod("no-room"))
        pods.wait_for_line("no-room", "install-seccomp: ", "cannot be")
        pods.delete("no-room")
    assert_in_runbook("`install-seccomp: … cannot be written` or `cannot be made`")


@pytest.mark.parametrize("path", ["/dev", "/proc", "/sys"])
def test_unmappable_volume(webhook, pods, path):
    """hostPath of /dev, /proc and /sys (row unmappable_volume): sandboxed by force, the pod never starts, for want of an
    id-mapped mount; the webhook leaves it to the fallback"""
    document = host_path(f"mounts-{path[1:]}", path)
    said = answer("mutate", "-f", "-", "-o", "json", *VERSION, stdin=json.dumps(document))
    assert "hostUsers" not in json.loads(said)["spec"]
    pods.create(sandboxed_by_force(webhook, document))
    pods.wait_for_event(document["metadata"]["name"], "Failed: ", f"failed to set MOUNT_ATTR_IDMAP on {path}")
    assert_in_runbook("`Failed … failed to set MOUNT_ATTR_IDMAP on` another path")
    pods.delete(document["metadata"]["name"])


def test_mappable_volumes(webhook, pods, node):
    """hostPath of /dev/shm and of a plain directory, emptyDir in memory and on disk: sandboxed, and it runs"""
    directory = node.state / "a-directory"
    directory.mkdir()
    sources = {"shm": {"hostPath": {"path": "/dev/shm"}}, "directory": {"hostPath": {"path": str(directory)}},
               "memory": {"emptyDir": {"medium": "Memory"}}, "disk": {"emptyDir": {}}}
    pods.run(pod("mounts", {"volumes": [{"name": name, **source} for name, source in sources.items()]},
                 {"volumeMounts": [{"name": name, "mountPath": f"/mnt/{name}"} for name in sources]}))
    assert pods.get("mounts")["spec"]["hostUsers"] is False
    pods.execute("mounts", "sh", "-c", "for each in /mnt/*; do touch $each/file && [ $(stat -c %u $each/file) = 0 ]; done")


IDS = {
    "run-as-user": ({}, {"runAsUser": 100000}),
    "run-as-group": ({}, {"runAsUser": 1000, "runAsGroup": 70000}),
    "fs-group": ({"fsGroup": 1000650000}, {}),
    "supplemental": ({"supplementalGroups": [70000]}, {}),
}


@pytest.mark.parametrize("name", IDS)
def test_unmapped_id(webhook, pods, name):
    """Ids from 65536 on in runAsUser, runAsGroup, fsGroup and supplementalGroups (row unmapped_id): sandboxed by force, the
    pod never starts; the webhook leaves it to the fallback"""
    of_pod, of_target = IDS[name]
    document = pod(name, {"securityContext": of_pod, "volumes": [{"name": "v", "emptyDir": {}}]},
                   {"securityContext": of_target, "volumeMounts": [{"name": "v", "mountPath": "/mnt"}]})
    plain = pod(name, {"securityContext": {**of_pod, **of_target}})
    said = answer("mutate", "-f", "-", "-o", "json", *VERSION, stdin=json.dumps(plain))
    assert "hostUsers" not in json.loads(said)["spec"]
    pods.create(sandboxed_by_force(webhook, document))
    said = pods.wait_for_event(name, "Failed: Error: failed to ")
    words = ("cannot be mapped to a host ID", "setgroups: invalid argument")
    assert any(each in said for each in words), said
    for each in words:
        assert_in_runbook(each)
    # Groups of the pod reach the init container, too.
    ends = ("RunContainerError", "StartError", "CrashLoopBackOff")
    pods.wait_for_status(name, *ends, *(f"Init:{each}" for each in ends))
    pods.delete(name)


def test_apparmor_of_a_node_without(webhook, node, bare_pods, configured):
    """appArmorProfile: RuntimeDefault on a node without AppArmor: the pod is rejected for good, Failed with reason AppArmor"""
    if node.run("cat", "/sys/module/apparmor/parameters/enabled", code=None).stdout.strip() == "Y":
        pytest.skip("this node has AppArmor")
    configured(appArmorProfile="RuntimeDefault")
    webhook.give_profile(bare_pods.namespace)
    bare_pods.create(pod("rejected"))
    bare_pods.wait_for_status("rejected", "AppArmor")
    status = bare_pods.get("rejected")["status"]
    words = "Cannot enforce AppArmor: AppArmor is not enabled on the host"
    assert status["phase"] == "Failed" and words in status["message"], status
    assert_in_runbook(words)
