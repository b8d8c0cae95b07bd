"""Runs containers on this machine: the images they need, the OCI runtime, and a node's directories."""

import glob
import os
import shutil
import subprocess
import tempfile
import uuid

import oci
import runtime_profile

NEEDED = {
    "crun": "an OCI runtime: apt-get install crun",
    "bwrap": "the jail: apt-get install bubblewrap",
    "busybox": "the init container's image: apt-get install busybox-static",
    "setpriv": "to become another user: apt-get install util-linux",
    "unshare": "to mount a cgroup2: apt-get install util-linux",
}

# What runs a command with mounts of its own, gone when it ends, and a pure cgroup2: crun refuses a
# machine that mixes both versions.
PRIVATE_MOUNTS = ["unshare", "--mount", "--propagation=private", "sh", "-c",
                  'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', "sh"]


def reason_to_skip():
    """Why this machine cannot run the pod; empty if it can."""
    if os.geteuid() != 0:
        return "not root: user namespaces and mounts of others cannot be made"
    if os.uname().machine != "x86_64":
        return f"{os.uname().machine}: the refusals are tried with the numbers of x86_64"
    for tool, why in NEEDED.items():
        if not shutil.which(tool):
            return f"{tool} is missing ({why})"
    if not os.path.exists(runtime_profile.DEFAULT_PROFILE):
        return f"{runtime_profile.DEFAULT_PROFILE} is missing (apt-get install golang-github-containers-common)"
    tried = subprocess.run([*PRIVATE_MOUNTS, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"mounts of its own cannot be made: {tried.stderr.splitlines()[0]}"
    tried = subprocess.run(["unshare", "--user", "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"user namespaces cannot be made: {tried.stderr.strip()}"
    return ""


def run_in_directory(*command):
    """Runs `command --directory DIR` with PRIVATE_MOUNTS and a new directory, which is removed. Returns its exit code."""
    directory = tempfile.mkdtemp(prefix="sandbox-", dir="/var/tmp")
    os.chmod(directory, 0o755)  # The pod's user must get to its root file system.
    owner = os.stat("/dev/null").st_uid
    try:
        code = subprocess.run([*PRIVATE_MOUNTS, *command, "--directory", directory], check=False).returncode
        if os.stat("/dev/null").st_uid != owner:
            print("failed: a container has been given this machine's /dev/null")
            return 1
        return code
    finally:
        # Removed from outside the mounts, one of which is this machine's /usr.
        subprocess.run(["rm", "-rf", "--one-file-system", directory], check=True)


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def _give_to_pod(rootfs):
    """Gives an unpacked image to the pod's user namespace, as a snapshotter does."""
    for directory, folders, files in os.walk(rootfs):
        for name in [".", *folders, *files]:
            os.chown(os.path.join(directory, name), oci.USER_NAMESPACE[0], oci.USER_NAMESPACE[0], follow_symlinks=False)


def make_busybox_image(rootfs):
    """The init container's image: busybox and its links."""
    os.makedirs(os.path.join(rootfs, "bin"))
    shutil.copy(shutil.which("busybox"), os.path.join(rootfs, "bin/busybox"))
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
    for name in applets.stdout.split():
        if name != "busybox":
            os.symlink("busybox", os.path.join(rootfs, "bin", name))
    _prepare(rootfs)
    return rootfs


def make_machine_image(rootfs, files):
    """An image of what is installed on this machine, and `files` in /opt."""
    for name in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(rootfs, exist_ok=True)
        os.symlink(f"usr/{name}", os.path.join(rootfs, name))
    for path in files:
        os.makedirs(os.path.join(rootfs, "opt"), exist_ok=True)
        shutil.copy(path, os.path.join(rootfs, "opt"))
    write(os.path.join(rootfs, "etc/hosts"), "127.0.0.1 localhost\n")
    write(os.path.join(rootfs, "etc/passwd"), "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")
    shutil.copy("/etc/ld.so.cache", os.path.join(rootfs, "etc"))
    for path in glob.glob("/etc/java-*"):  # Debian's Java has links to there
        shutil.copytree(path, rootfs + path, symlinks=True)
    os.mkdir(os.path.join(rootfs, "usr"))
    _prepare(rootfs)
    write(os.path.join(rootfs, "opt/of-the-host"), "a secret of the host's root\n", 0o600)
    mount("--bind", "-o", "ro", "/usr", os.path.join(rootfs, "usr"))
    return rootfs


def _prepare(rootfs):
    for name in ("dev", "mnt", "proc", "sys", "tmp", "seccomp-profile", "host-seccomp"):
        os.makedirs(os.path.join(rootfs, name), exist_ok=True)
    os.chmod(os.path.join(rootfs, "tmp"), 0o1777)
    _give_to_pod(rootfs)


class Runtime:
    """crun, with its state and bundles below one directory."""

    def __init__(self, directory):
        self.directory = directory
        self.state = os.path.join(directory, "state")

    def command(self, *args):
        return ["crun", "--cgroup-manager=disabled", "--root", self.state, *args]

    def prepare(self, config):
        """Writes a bundle, and returns the command that runs it and the container's name."""
        name = uuid.uuid4().hex
        bundle = os.path.join(self.directory, "bundles", name)
        oci.write_bundle(bundle, config)
        return self.command("run", "--bundle", bundle, name), name

    def run(self, config, timeout=60):
        """Runs a container to its end. What it and the runtime say is in stdout and stderr."""
        command, _ = self.prepare(config)
        # Not /dev/null: crun before 1.24 would give this machine's to the container's root.
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, input="")


def reason_runtime_fails(proof):
    """Tries what the checks take for granted, without the pod: a container in a user namespace with
    an id-mapped mount."""
    pod = {"metadata": {"name": "probe"}, "spec": {"hostUsers": False}}
    container = {"name": "probe", "image": "busybox", "command": ["true"], "volumeMounts": []}
    pod["spec"]["volumes"] = [{"name": "v", "hostPath": {"path": "/probe", "type": "DirectoryOrCreate"}}]
    container["volumeMounts"] = [{"name": "v", "mountPath": "/tmp"}]
    config = oci.to_bundle(proof.node(), pod, container, proof.images["busybox"])
    result = proof.runtime.run(config)
    return result.stderr.strip() or f"exit {result.returncode}" if result.returncode else ""
