"""The init container: the real script in a user namespace, against a directory of the host's root."""

import concurrent.futures
import copy
import hashlib
import os
import signal
import subprocess
import tempfile
import time

import machine
import oci
from proof import describe, expect, one_line

AT_ONCE = 50


def _assert_installed(proof, node, pod):
    path = proof.installed(node, pod)
    status = os.stat(path)
    expect((status.st_uid, status.st_gid) == (0, 0), f"owner {status.st_uid}:{status.st_gid}")
    expect(status.st_mode & 0o7777 == 0o644, f"mode {status.st_mode:o}")
    with open(path, "rb") as file:
        content = file.read()
    expect(content == proof.profile(), "other bytes than those of the profile")
    expect(
        hashlib.sha256(content).hexdigest() in pod["metadata"]["annotations"].values(),
        "no annotation has its checksum",
    )
    _assert_alone(path)


def _assert_alone(path):
    names = os.listdir(os.path.dirname(path))
    expect(names == [os.path.basename(path)], f"beside the profile: {names}")


def from_config_map(proof):
    node, pod = proof.node(), proof.mutated("configMap")
    one_line(proof.install(node, pod), "installed")
    _assert_installed(proof, node, pod)


def from_annotation(proof):
    node, pod = proof.node(), proof.mutated("annotation")
    node.config_maps.clear()
    one_line(proof.install(node, pod), "installed")
    _assert_installed(proof, node, pod)


def second_run(proof):
    node, pod = proof.ready()
    path = proof.installed(node, pod)
    before = os.stat(path)
    one_line(proof.install(node, pod), "up to date")
    after = os.stat(path)
    expect((before.st_ino, before.st_ctime_ns) == (after.st_ino, after.st_ctime_ns), "written again")


def other_bytes(proof):
    node, pod = proof.node(), proof.mutated()
    machine.write(proof.installed(node, pod), "an older profile")
    one_line(proof.install(node, pod), "installed")
    _assert_installed(proof, node, pod)


def fifty_at_once(proof):
    node, pod = proof.node(), proof.mutated()
    pods = [copy.deepcopy(pod) for _ in range(AT_ONCE)]
    for number, each in enumerate(pods):
        each["metadata"]["name"] += f"-{number}"
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda each: proof.install(node, each), pods))
    for result in results:
        expect(result.returncode == 0, describe(result))
    expect(any("installed" in result.stdout for result in results), "none installed it")
    _assert_installed(proof, node, pod)


def _interrupted(proof, number):
    """Sends `number` to the script while it copies. Returns the directory and the old file's path."""
    node, pod = proof.node(), proof.mutated()
    path = proof.installed(node, pod)
    machine.write(path, "an older profile")
    (container,) = pod["spec"]["initContainers"]
    config = oci.to_bundle(node, pod, container, proof.images["busybox"])
    # Copying 256 MiB takes long enough to be caught at it.
    for directory, _, files in os.walk(node.kubelet(pod, "volumes")):
        for name in files:
            if not os.path.islink(os.path.join(directory, name)):
                os.truncate(os.path.join(directory, name), 256 << 20)
    command, name = proof.runtime.prepare(config)
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stdin=said, stdout=said, stderr=said) as process:
        _wait_for_partial(path)
        subprocess.run(proof.runtime.command("kill", name, str(number)), check=True)
        process.wait(timeout=60)
    expect(process.returncode != 0, "the interrupted script says that all is well")
    with open(path, encoding="utf-8") as file:
        expect(file.read(64) == "an older profile", "the old file is not whole")
    return path


def _wait_for_partial(path):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for entry in os.scandir(os.path.dirname(path)):
            if entry.name != os.path.basename(path) and entry.stat().st_size > 0:
                return
        time.sleep(0.001)
    expect(False, "no temporary file was seen")


def terminated(proof):
    _assert_alone(_interrupted(proof, signal.SIGTERM))


def killed(proof):
    path = _interrupted(proof, signal.SIGKILL)
    for name in os.listdir(os.path.dirname(path)):
        if name != os.path.basename(path):
            os.remove(os.path.join(os.path.dirname(path), name))


def _host_directory(proof, *options):
    """A node whose seccomp directory is a file system of its own."""
    node, pod = proof.node(), proof.mutated()
    path = node.path("/var/lib/kubelet/seccomp")
    os.makedirs(path)
    machine.mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
    os.makedirs(os.path.dirname(proof.installed(node, pod)))
    machine.mount("-o", ",".join(("remount", *options)), path)
    return node, pod


def read_only_target(proof):
    node, pod = _host_directory(proof, "ro")
    result = proof.install(node, pod)
    expect(result.returncode != 0, describe(result))
    read_only = "Read-only file system (expected a directory that is not mounted read-only)"
    one_line(result, f"cannot be written: {read_only}")
    path = node.path("/var/lib/kubelet/seccomp")
    machine.mount("-o", "remount,rw", path)
    os.rmdir(os.path.dirname(proof.installed(node, pod)))
    machine.mount("-o", "remount,ro", path)
    result = proof.install(node, pod)
    expect(result.returncode != 0, describe(result))
    one_line(result, f"/host-seccomp/profiles: cannot be made: {read_only}")


def full_target(proof):
    node, pod = _host_directory(proof, "size=4k")
    result = proof.install(node, pod)
    expect(result.returncode != 0, describe(result))
    one_line(result, "cannot be written: No space left on device (expected free space)")
    expect(os.listdir(os.path.dirname(proof.installed(node, pod))) == [], "a part is left over")


def top_directory(proof):
    """What is mounted: others who may write to it could put a link or another directory below it."""
    for uid, gid, mode, part in (
        (1000, 0, 0o755, "is 1000:0 drwxr-xr-x (expected a directory of 0:0 that only its owner may write to"),
        (0, 1000, 0o755, "is 0:1000 drwxr-xr-x"),
        (0, 0, 0o775, "is 0:0 drwxrwxr-x"),
        (0, 0, 0o1777, "is 0:0 drwxrwxrwt"),
        (70000, 0, 0o755, "belongs to an id of the host that no pod has"),
    ):
        node, pod = proof.node(), proof.mutated()
        path = node.path("/var/lib/kubelet/seccomp")
        os.makedirs(path)
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        result = proof.install(node, pod)
        expect(result.returncode != 0, describe(result))
        one_line(result, f"/host-seccomp: {part}")
        expect(os.listdir(path) == [], f"written: {os.listdir(path)}")


def source_directory(proof):
    node, pod = proof.node(), proof.mutated()
    pod["spec"]["initContainers"][0]["command"][4] = "/seccomp-profile"
    result = proof.install(node, pod)
    expect(result.returncode != 0, describe(result))
    one_line(result, "/seccomp-profile: is a directory (expected the profile in the ConfigMap or annotation)")


CHECKS = [
    ("The init container installs the profile from a ConfigMap: owner 0:0, mode 0644, byte for byte, checksum equal to the annotation", from_config_map),
    ("The same from the pod's annotation, with no ConfigMap in the cluster", from_annotation),
    ("A second run finds the same bytes and changes nothing", second_run),
    ("An older profile is replaced", other_bytes),
    (f"{AT_ONCE} init containers at once leave one intact file and no temporary one", fifty_at_once),
    ("Ended while it copies, it leaves the old file whole and removes the temporary one", terminated),
    ("Killed while it copies, it leaves the old file whole", killed),
    ("A read-only host directory gives one clear line and a failing exit", read_only_target),
    ("A host directory that is not root's, or that others may write to, gives one clear line and a failing exit", top_directory),
    ("A directory where the profile should be gives one clear line and a failing exit", source_directory),
    ("A full host directory gives one clear line and a failing exit, and leaves nothing behind", full_target),
]
