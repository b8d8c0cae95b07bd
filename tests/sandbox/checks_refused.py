"""Each refusal of the profile, tried for real in the target container."""

import copy
import ctypes
import errno
import json
import subprocess

import checks_jail
from proof import Skipped, expect

AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_NETLINK = 38, 40, 31, 16
CLONE_NEWUSER, CLONE_NEWUTS = 0x10000000, 0x04000000

# What is tried, with arguments that do no harm where it is not refused.
FALL_BACK = [("clone3", []), ("fsopen", []), ("open_tree", [-1]), ("move_mount", [-1, 0, -1])]
NAMESPACES = [("unshare", [CLONE_NEWUSER]), ("unshare", [CLONE_NEWUTS]), ("setns", [-1])]
FAMILIES = [("socket", [family, 5, 0]) for family in (AF_ALG, AF_VSOCK, AF_BLUETOOTH)]
# SOCK_DIAG, XFRM, AUDIT, NETFILTER, KOBJECT_UEVENT, GENERIC, CRYPTO.
NETLINK = [("socket", [AF_NETLINK, 3, protocol]) for protocol in (4, 6, 9, 12, 15, 16, 21)]
ROUTE = [("socket", [AF_NETLINK, 3, 0])]
KEYRINGS = [("add_key", []), ("keyctl", [-1]), ("request_key", [])]
KERNEL = [
    ("bpf", [-1]),
    ("io_uring_setup", []),
    ("io_uring_enter", [-1]),
    ("io_uring_register", [-1]),
    ("perf_event_open", []),
    ("userfaultfd", [-1]),
]
NODE = [("init_module", []), ("kexec_load", []), ("open_by_handle_at", [-1])]
PROCESSES = [("ptrace", [-1]), ("process_vm_readv", [0]), ("pidfd_getfd", [-1, -1])]

# With no profile the kernel itself refuses some, to a pod without the host's capabilities. These it
# does not refuse, so that the answer can only be the profile's.
ONLY_THE_PROFILE_REFUSES = [FALL_BACK[0], NAMESPACES[0], NAMESPACES[2], *KEYRINGS, PROCESSES[0], NETLINK[-2]]


def _key(call):
    name, arguments = call
    return f"{name}({', '.join(map(str, arguments))})"


def attempt(proof, node, pod, calls, jail=()):
    """The errno of each call in the target container, or in a jail there."""
    library = ctypes.CDLL("libseccomp.so.2")
    request = []
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call[0].encode())
        expect(number >= 0, f"{call[0]}: unknown to libseccomp")
        request.append([_key(call), number, call[1]])
    result = proof.execute(node, pod, *jail, "/usr/bin/python3", "/opt/refused.py", json.dumps(request))
    expect(result.returncode == 0, result.stderr)
    return json.loads(result.stdout)


def refused_with(number, calls):
    def check(proof):
        for call, answer in attempt(proof, *proof.ready(), calls).items():
            expect(answer == number, f"{call}: {errno.errorcode.get(answer, answer)}")

    return check


def netlink(proof):
    for jail in ((), checks_jail.BWRAP):
        for call, answer in attempt(proof, *proof.ready(), NETLINK, jail).items():
            expect(answer == errno.EPROTONOSUPPORT, f"{call}: {errno.errorcode.get(answer, answer)}")
        for call, answer in attempt(proof, *proof.ready(), ROUTE, jail).items():
            expect(answer == 0, f"{call}: {errno.errorcode.get(answer, answer)}")


def not_without_profile(proof):
    """Negative control: the same calls with no profile."""
    node, pod = proof.ready()
    pod = copy.deepcopy(pod)
    proof.target(pod)["securityContext"]["seccompProfile"] = {"type": "Unconfined"}
    for call, answer in attempt(proof, node, pod, ONLY_THE_PROFILE_REFUSES).items():
        expect(answer not in (errno.EPERM, errno.ENOSYS, errno.EPROTONOSUPPORT), f"{call}: {errno.errorcode.get(answer, answer)}")


def evaluated(proof):
    if not proof.unit_seccomp:
        raise Skipped("--unit-seccomp is not given")
    run = subprocess.run([proof.unit_seccomp], capture_output=True, text=True, check=False)
    expect(run.returncode == 0, run.stdout)


CHECKS = [
    ("clone3 and the new mount API answer ENOSYS, so that programs fall back", refused_with(errno.ENOSYS, FALL_BACK)),
    ("unshare and setns answer EPERM", refused_with(errno.EPERM, NAMESPACES)),
    ("Sockets of AF_ALG, AF_VSOCK and AF_BLUETOOTH answer EPERM", refused_with(errno.EPERM, FAMILIES)),
    ("Sockets of AF_NETLINK answer EPROTONOSUPPORT but for NETLINK_ROUTE, in a jail with all capabilities too", netlink),
    ("add_key, keyctl and request_key answer EPERM", refused_with(errno.EPERM, KEYRINGS)),
    ("bpf, io_uring, perf_event_open and userfaultfd answer EPERM", refused_with(errno.EPERM, KERNEL)),
    ("init_module, kexec_load and open_by_handle_at answer EPERM", refused_with(errno.EPERM, NODE)),
    ("ptrace, process_vm_readv and pidfd_getfd answer EPERM", refused_with(errno.EPERM, PROCESSES)),
    ("x86_64 and arm64: the same answers, and those for all other calls, by evaluating the compiled filter", evaluated),
]
