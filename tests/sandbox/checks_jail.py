"""The target container: a jail starts in it, and nothing more is gained."""

import json

from proof import expect

BWRAP = (
    "bwrap --unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts --hostname jail "
    "--ro-bind / / --proc /proc --dev /dev --tmpfs /tmp"
).split()
# nsjail gives its program the least priority, with which a busy machine hardly runs it.
NSJAIL = "--really_quiet -Mo --chroot / --hostname jail --disable_rlimits --keep_env --nice_level 0 --tmpfsmount /tmp".split()
NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts")

# Says where it is: the namespaces, the host name, its pid, and how many processes it sees.
LOOK = """
import glob, json, os, socket
print(json.dumps({
    "namespaces": {n: os.readlink(f"/proc/self/ns/{n}") for n in %r},
    "hostname": socket.gethostname(), "pid": os.getpid(), "seen": len(glob.glob("/proc/[0-9]*"))}))
""" % (NAMESPACES,)


def _look_from(proof, *jail):
    """What a program sees in the container and in `jail` inside it."""
    script = 'python3 -c "$0" && "$@" /usr/bin/python3 -c "$0"'
    outside, inside = map(json.loads, proof.succeed("sh", "-c", script, LOOK, *jail).splitlines())
    for name in NAMESPACES:
        expect(
            outside["namespaces"][name] != inside["namespaces"][name], f"the jail shares the {name} namespace"
        )
    expect(inside["hostname"] == "jail", f"host name {inside['hostname']}")
    expect(inside["seen"] <= 2 < inside["pid"] + 2, f"the jail sees {inside['seen']} processes")


def bubblewrap(proof):
    _look_from(proof, *BWRAP)


def nsjail(proof):
    _look_from(proof, *proof.program("nsjail"), *NSJAIL, "--iface_no_lo", "--")


def nsjail_network(proof):
    jail = [*proof.program("nsjail"), *NSJAIL, "--iface_own", "moved", "--", "/bin/busybox", "ip", "address"]
    shown = proof.succeed("sh", "-c", 'busybox ip link add moved type veth && "$@" && busybox ip address', "sh", *jail)
    expect("lo: <LOOPBACK,UP" in shown and shown.count("moved@") == 1, shown)


def profile_in_force(proof):
    lines = proof.succeed("cat", "/proc/self/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    expect(status["Seccomp"] == "2", f"Seccomp: {status['Seccomp']}")
    expect(status["NoNewPrivs"] == "1", f"NoNewPrivs: {status['NoNewPrivs']}")
    effective = int(status["CapEff"], 16)
    expect(effective >> 12 & 1, "NET_ADMIN is missing")
    expect(not effective >> 21 & 1, "SYS_ADMIN was given")


def network(proof):
    script = "busybox ip link set lo up && busybox ip address add 10.1.2.3/32 dev lo && busybox ip address"
    shown = proof.succeed("sh", "-c", script)
    expect("LOWER_UP" in shown and "inet 10.1.2.3/32" in shown, shown)


def host_root(proof):
    file = "/opt/of-the-host"
    shown = proof.succeed(
        "sh", "-c", f"cat /proc/self/uid_map; stat -c %u {file}; cat {file} 2>&1 || chown 0 {file} 2>&1 || true"
    ).splitlines()
    expect(shown[0].split()[1] != "0", f"uid 0 is the host's: {shown[0]}")
    expect(shown[1] == "65534", f"a file of the host's root belongs to {shown[1]}")
    expect(shown[2].endswith("Permission denied"), shown[2])
    expect(shown[3].endswith("Operation not permitted"), shown[3])


SETUID = 'cp /usr/bin/id /tmp/id && chmod 4755 /tmp/id && setpriv --reuid=1000 --regid=1000 --clear-groups /tmp/id -u'


def setuid_root(proof):
    shown = proof.succeed("sh", "-c", SETUID)
    expect(shown.strip() == "1000", f"effective uid {shown}")


def program(name):
    """A check: the program does what it does in the target, in bubblewrap and in nsjail, if that is there."""

    def check(proof):
        jails = [(), BWRAP]
        if "nsjail" not in proof.programs.missing:
            jails.append((*proof.program("nsjail"), *NSJAIL, "--"))
        for jail in jails:
            shown = proof.succeed(*jail, *proof.program(name))
            expect(shown.splitlines()[-1:] == ["all went well"], shown)

    return check


CHECKS = [
    ("The target runs under the installed profile, with no_new_privs, with NET_ADMIN and without SYS_ADMIN", profile_in_force),
    ("bubblewrap starts a jail in it: user, mount, pid, net, ipc and uts namespaces, a fresh /proc, a program", bubblewrap),
    ("nsjail does the same", nsjail),
    ("nsjail sets up the jail's network over netlink: loopback up, an interface moved into it", nsjail_network),
    ("NET_ADMIN brings up a link and adds an address in the pod's network namespace", network),
    ("Its uid 0 is not the host's", host_root),
    ("A setuid-root binary gains nothing", setuid_root),
    ("A Python program runs in it, jailed and not: threads, subprocess, sockets, HTTP", program("python")),
    ("A Node.js program runs in it, jailed and not: worker threads, child process, sockets, HTTP", program("node")),
    ("A Go program runs in it, jailed and not: threads, child process, sockets, interfaces", program("go")),
    ("A Java program runs in it, jailed and not: threads, child process, sockets, interfaces", program("java")),
]
