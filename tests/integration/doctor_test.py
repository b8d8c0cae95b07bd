#!/usr/bin/python3
"""`doctor` as it is used: on this machine, on made-up nodes, and without privileges.

Needs WEBHOOK_BINARY, the program under test.
"""

import hashlib
import json
import os
import pathlib
import subprocess

import pytest

from container_runtime import answering, framed, runtime, status, version

BINARY = os.environ["WEBHOOK_BINARY"]
AS_NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
CHECKS = ["kernel", "idmap-tmpfs", "idmap-kubelet", "user-namespaces", "max-user-namespaces",
          "unprivileged-userns-clone", "apparmor-userns", "apparmor", "selinux", "seccomp", "profile-files", "cgroup"]
# Of a node on which all is well, as far as files tell it.
FILES = {
    "proc/sys/kernel/osrelease": "6.12.43\n",
    "proc/sys/user/max_user_namespaces": "96365\n",
    "proc/sys/kernel/seccomp/actions_avail": "kill_process trap errno log allow\n",
    "proc/filesystems": "nodev\ttmpfs\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
    "var/lib/kubelet/config.yaml": "{}\n",
}
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it tries mounts, or gives root up")


def needs_unshare(kind, what):
    """Skips where this machine refuses `unshare KIND`: a chroot, a container, a limit."""
    tried = subprocess.run(["unshare", kind, "true"], capture_output=True, text=True, check=False)
    return pytest.mark.skipif(tried.returncode != 0, reason=f"no {what} here: {tried.stderr.strip()}")


# `doctor` tries one on whatever node it is told about, and fails where this machine refuses.
makes_user_namespaces = needs_unshare("--user", "user namespaces")
makes_mounts = needs_unshare("--mount", "mounts of its own")


def doctor(*arguments, want=0, binary=BINARY, **options):
    done = subprocess.run([binary, "doctor", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          check=False, **options)
    assert done.returncode == want, done.stdout + done.stderr
    return done


def checks(*arguments, **options):
    report = json.loads(doctor("-o", "json", *arguments, **options).stdout)
    # Two more where this machine runs a kubelet and a container runtime.
    assert [each["id"] for each in report["checks"] if each["id"] not in ("container-runtime", "kubelet-root")] == CHECKS
    assert all(each["found"] and each["meaning"] for each in report["checks"])
    found = {each["id"]: each["status"] for each in report["checks"]}
    assert report["status"] == next(each for each in ("fail", "warn", "pass") if each in found.values())
    return found


def write_node(host, **others):
    """Makes the host's / of a node, with other files than FILES where told so."""
    for name, text in {**FILES, **{name.replace("__", "/"): text for name, text in others.items()}}.items():
        file = host / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return host


@pytest.fixture(name="node")
def make_node(tmp_path):
    return lambda **others: write_node(tmp_path / "host", **others)


def tree(directory):
    return {path: path.read_text() if path.is_file() else None for path in directory.rglob("*")}


def mounts():
    return pathlib.Path("/proc/self/mountinfo").read_text()


@root_only
@makes_user_namespaces
def test_a_node_is_asked_and_not_changed(node):
    host = node()
    before = tree(host), mounts()
    found = checks("--host-root", host)
    assert (tree(host), mounts()) == before
    # What was tried is for this machine's kernel to say; the rest is the node's.
    tried = ("idmap-tmpfs", "idmap-kubelet", "user-namespaces")
    assert all(status == "pass" for name, status in found.items() if name not in tried)
    if tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 3):
        assert found["idmap-tmpfs"] in ("pass", "warn")  # warn: this root may not mount


@makes_user_namespaces
def test_the_table_has_one_aligned_line_for_each_check(node):
    lines = doctor("--host-root", node()).stdout.splitlines()
    assert [line.split()[1] for line in lines] == CHECKS
    column = lines[0].index("6.12.43")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)


@makes_user_namespaces
@pytest.mark.parametrize("check, file, text", [
    ("max-user-namespaces", "proc__sys__user__max_user_namespaces", "0\n"),
    ("unprivileged-userns-clone", "proc__sys__kernel__unprivileged_userns_clone", "0\n"),
    ("apparmor-userns", "proc__sys__kernel__apparmor_restrict_unprivileged_userns", "1\n"),
    ("seccomp", "proc__sys__kernel__seccomp__actions_avail", "kill_thread trap\n"),
])
def test_a_node_that_cannot_fails(node, check, file, text):
    host = node(**{file: text})
    assert [name for name, status in checks("--host-root", host, want=1).items() if status == "fail"] == [check]
    done = doctor("--host-root", host, want=1)
    assert f"fail  {check} " in done.stdout
    assert done.stderr == (f"code-executor-webhook: node: code-executor pods will not work here: {check} "
                           "(expected no check that fails)\n")


def test_nodes_without_a_kubelet_or_cgroups_fail(node):
    host = node()
    (host / "sys/fs/cgroup/cgroup.controllers").unlink()
    found = checks("--host-root", host, "--kubelet-root", "/nowhere", want=1)
    assert (found["idmap-kubelet"], found["cgroup"]) == ("fail", "fail")


@root_only
@makes_user_namespaces
def test_a_profile_that_is_not_what_its_name_says_fails(node):
    seccomp = "var__lib__kubelet__seccomp__profiles__"
    name = f"nsjail-seccomp-{hashlib.sha256(b'a profile').hexdigest()}.json"
    host = node(**{seccomp + name: "a profile"})
    assert checks("--host-root", host)["profile-files"] == "pass"
    (host / "var/lib/kubelet/seccomp/profiles" / name).write_text("a weaker profile")
    done = doctor("--host-root", host, want=1)
    weaker = hashlib.sha256(b"a weaker profile").hexdigest()
    assert "fail  profile-files " in done.stdout and f"profiles/{name} has sha256 {weaker}: " in done.stdout


@root_only
@makes_user_namespaces
@makes_mounts
def test_a_file_system_without_id_mapped_mounts_fails():
    found = checks("--kubelet-root", "/proc", want=1)
    assert found["idmap-kubelet"] == "fail"


@root_only
def test_a_limit_of_no_user_namespaces_is_met_for_real(node):
    # The limit is that of a user namespace of its own, in which this machine's stays as it is.
    command = ["unshare", "--user", "--map-root-user", "sh", "-c",
               'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" doctor --host-root "$1" -o json',
               BINARY, node()]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    if "unshare" in done.stderr or "sh:" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 1, done.stderr
    found = {each["id"]: each for each in json.loads(done.stdout)["checks"]}
    assert found["user-namespaces"]["status"] == "fail"
    assert found["user-namespaces"]["found"] == "unshare: No space left on device"


@root_only
@makes_user_namespaces
def test_without_privileges_it_says_what_could_not_be_tried(public):
    host = write_node(public / "host")
    options = {"binary": public / "webhook", **AS_NOBODY}
    found = checks("--host-root", host, **options)
    assert (found["idmap-tmpfs"], found["idmap-kubelet"]) == ("warn", "warn")
    assert found["kernel"] == "pass"
    (host / "var/lib/kubelet").chmod(0o700)
    (host / "proc/filesystems").chmod(0o600)
    found = checks("--host-root", host, **options)
    assert (found["idmap-kubelet"], found["selinux"]) == ("warn", "warn")


def test_the_configuration_says_which_apparmor_profile_and_directory(node, tmp_path):
    host = node(sys__module__apparmor__parameters__enabled="Y\n", other__seccomp__profile="")
    config = tmp_path / "config.yaml"
    config.write_text("sandbox: {appArmorProfile: RuntimeDefault, seccomp: {kubeletSeccompDir: /other/seccomp}}\n")
    done = doctor("--host-root", host, "--config", config, want=1)
    assert "fail  apparmor " in done.stdout and f"{host}/other/seccomp: " in done.stdout
    # A flag overrides the file.
    done = doctor("--host-root", host, "--config", config, "--kubelet-root", "/var/lib/kubelet", want=1)
    assert f"{host}/var/lib/kubelet: " in done.stdout


CONTAINERD = framed(version("containerd", "v2.1.4"))


def runtime_check(*arguments, want):
    report = json.loads(doctor("-o", "json", *arguments, want=1 if want == "fail" else 0).stdout)
    check = next(each for each in report["checks"] if each["id"] == "container-runtime")
    assert check["status"] == want, check
    return f"{check['found']}: {check['meaning']}"


@makes_user_namespaces
@pytest.mark.parametrize("messages, want, said", [
    ({"Version": CONTAINERD, "Status": framed(status(**{"": True, "runc": True}))}, "pass", "containerd v2.1.4: it runs pods"),
    ({"Version": CONTAINERD, "Status": framed(status(**{"": False}))}, "fail", "containerd v2.1.4: its OCI runtime has no"),
    ({"Version": framed(version("containerd", "1.7.28")), "Status": framed(b"")}, "fail", "containerd 1.7.28: pods with"),
    ({}, "warn", ".sock: unknown service runtime.v1.RuntimeService: could not be asked"),
    ({"Version": CONTAINERD[:-1], "Status": b""}, "warn", "not one gRPC message"),
    ({"Version": framed(b""), "Status": b""}, "warn", "Version: not an answer of a container runtime"),
    ({"Version": CONTAINERD, "Status": framed(b"\x1a\x7f")}, "warn", "Status: not an answer of a container runtime"),
])
def test_the_container_runtime_is_asked_over_its_cri_socket(node, messages, want, said):
    host = node()
    with runtime(host / "run/containerd/containerd.sock", answering(**messages)):
        assert said in runtime_check("--host-root", host, want=want)


@makes_user_namespaces
@pytest.mark.parametrize("answer, said", [
    (b"", "closed the connection"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not an HTTP/2 server"),
])
def test_what_is_no_container_runtime_is_not_called_a_bad_one(node, answer, said):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(answer)

    host = node()
    with runtime(host / "run/crio/crio.sock", serve):
        assert f"/run/crio/crio.sock: {said}" in runtime_check("--host-root", host, want="warn")


@makes_user_namespaces
def test_the_cri_socket_can_be_named_as_kubelets_name_it(node):
    host = node()
    messages = {"Version": CONTAINERD, "Status": framed(status(**{"": True}))}
    with runtime(host / "run/other.sock", answering(**messages)):
        runtime_check("--host-root", host, "--runtime-endpoint", "unix:///run/other.sock", want="pass")
    said = runtime_check("--host-root", host, "--runtime-endpoint", "/run/none.sock", want="warn")
    assert "/run/none.sock: No such file or directory" in said


def test_wrong_usage(tmp_path):
    assert "--host-root" in doctor("--host-root", tmp_path / "absent", want=2).stderr
    assert "'yaml' (expected table or json)" in doctor("-o", "yaml", want=2).stderr
