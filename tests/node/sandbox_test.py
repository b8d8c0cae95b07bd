"""The pod that the webhook makes runs, and is what it says."""

import hashlib
import os
import pathlib

import pytest

from images import REGISTRY
from node import PROFILES
from workloads import deployment, installed_as, pod

NET_ADMIN, SYS_ADMIN = 12, 21
IDS = 65536  # of a pod
BWRAP = ("bwrap --unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts --hostname jail --ro-bind / / "
         "--proc /proc --dev /dev").split()
NSJAIL = "nsjail --really_quiet -Mo --chroot / --hostname jail --disable_rlimits --".split()
# Where it is: the host's name, its pid, how many processes it sees, and its user namespace.
LOOK = ["/bin/sh", "-c", "hostname; echo $$; ls /proc | grep -c '^[0-9]'; readlink /proc/self/ns/user"]


@pytest.fixture(scope="module", params=["plain", "deployment"])
def running(request, pods):
    """The name of a pod that runs."""
    if request.param == "plain":
        return pods.run(pod("plain"))
    pods.create(deployment("two", 2))
    pods.kubectl("rollout", "status", "deployment/two", "--timeout=90s")
    return pods.kubectl("get", "pods", "-l", "app=two", "-o", "jsonpath={.items[0].metadata.name}").stdout


def test_it_runs(pods, running):
    """A code-executor pod is Running, made by hand and by a Deployment, without a restart, and its installer ended well"""
    stored = pods.get(running)
    assert stored["spec"]["hostUsers"] is False
    assert stored["status"]["phase"] == "Running"
    assert all(each["ready"] and each["restartCount"] == 0 for each in stored["status"]["containerStatuses"])
    (installer,) = stored["status"]["initContainerStatuses"]
    assert installer["state"]["terminated"]["reason"] == "Completed"
    assert "install-seccomp: " in pods.said(running)


def test_profile_on_the_node(pods, running):
    """The profile's file on the node is root's, of mode 0644, and has the sha256 of the pod's annotation and of its own name"""
    name, digest = installed_as(pods.get(running))
    file = PROFILES / name
    found = file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (0, 0, 0o644)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert digest in name


def test_user_namespace(node, pods, running):
    """Its root is nobody on the node: 65536 ids of its own, from 65536 on, and processes of those ids as the node sees them"""
    first, on_node, size = map(int, pods.execute(running, "cat", "/proc/self/uid_map").stdout.split())
    assert (first, size) == (0, IDS) and on_node >= IDS and on_node % IDS == 0
    process = pathlib.Path("/proc", str(node.pid_of(pods.namespace, running)))
    assert process.stat().st_uid == on_node
    assert os.readlink(process / "ns/user") != os.readlink("/proc/self/ns/user")


def test_pods_do_not_share_ids(pods, running):
    """Two pods have different ids on the node"""
    beside = pods.run(pod(f"beside-{running}"))
    assert pods.execute(beside, "cat", "/proc/self/uid_map").stdout != pods.execute(running, "cat", "/proc/self/uid_map").stdout
    pods.delete(beside)


def test_filter(pods, running):
    """The seccomp filter is on (Seccomp: 2), and no_new_privs"""
    status = pods.status(running)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")


def test_capabilities(pods, running):
    """It has NET_ADMIN and not SYS_ADMIN"""
    effective = int(pods.status(running)["CapEff"], 16)
    assert effective >> NET_ADMIN & 1 and not effective >> SYS_ADMIN & 1


def test_net_admin_is_its_own(pods, running):
    """NET_ADMIN adds an interface and an address in the pod's own network, and no interface on the node"""
    def on_the_node():  # a veth of the CNI may end in the same letters
        return [line.split("@")[0].split()[0] for line in pods.node.run("ip", "-br", "link").stdout.splitlines()]

    before = on_the_node()
    pods.execute(running, "sh", "-ec", "ip() { /bin/ip $*; }; ip link add a0 type veth peer name b0; "
                                       "ip address add 192.168.7.1/24 dev a0; ip link set a0 up; ip -br address show a0 | "
                                       "grep -q 192.168.7.1")
    assert "lo" in before and "a0" not in before + on_the_node()
    pods.execute(running, "ip", "link", "delete", "a0")


def test_proc(pods, running):
    """Its /proc is unmasked: one mount, nothing over it"""
    mounts = pods.execute(running, "cat", "/proc/self/mounts").stdout.splitlines()
    assert [line.split()[1] for line in mounts if line.split()[1].startswith("/proc")] == ["/proc"]


@pytest.mark.parametrize("jail", [BWRAP, NSJAIL], ids=["bubblewrap", "nsjail"])
def test_jail(node, pods, running, jail):
    """nsjail, as nsjail is used, and bubblewrap start a jail in it: its own user namespace, host name, pids and /proc"""
    reason = node.state / "images/without-nsjail"
    if jail is NSJAIL and reason.exists():
        pytest.skip(f"no nsjail: {reason.read_text()}")
    outside = pods.execute(running, *LOOK).stdout.split()
    name, pid, seen, user = pods.execute(running, *jail, *LOOK).stdout.split()
    assert name == "jail" != outside[0]
    assert int(pid) <= 2 and int(seen) <= 5
    assert user != outside[3]


def test_refused(pods, running):
    """Outside of a jail unshare and mount are refused, and so are sysctls of the node, and a setuid-root program gains nothing"""
    unshare = pods.execute(running, "unshare", "-n", "true", code=None)
    assert "Operation not permitted" in unshare.stderr
    mount = pods.execute(running, "mount", "-t", "tmpfs", "none", "/tmp", code=None)
    assert "permission denied" in mount.stderr
    sysctl = pods.execute(running, "sh", "-c", "echo 1 >/proc/sys/kernel/panic", code=None)
    assert sysctl.returncode != 0 and "ermission denied" in sysctl.stderr
    become_user = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
    assert pods.execute(running, *become_user, "id-as-root", "-u").stdout.strip() == "1000"


def test_our_image(node, webhook):
    """The webhook itself runs as pods of our image, as user 65532, without capabilities, behind a Service"""
    for replica in webhook.replicas():
        (container,) = replica["status"]["containerStatuses"]
        assert container["ready"] and container["image"].startswith(REGISTRY)
        process = node.pid_of("code-executor-webhook", replica["metadata"]["name"], "webhook")
        status = pathlib.Path("/proc", str(process), "status").read_text()
        assert "Uid:\t65532\t" in status and "CapEff:\t0000000000000000" in status and "Seccomp:\t2" in status
    service = node.get_json("service", "-n", "code-executor-webhook", "code-executor-webhook")
    assert service["spec"]["clusterIP"].startswith("10.0.0.")
